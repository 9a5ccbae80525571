// What is asked of versions, places and attempts, by the follower and by clients, and how the answers are read.
#pragma once
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "model/places.hpp"
#include "postgres/connection.hpp"
#include "store/store.hpp"

namespace ratebook::postgres {

/// A write that costs a record in the log and no row. Once it has committed without a warning, it proves what the same
/// connection has read before it began (PostgreSQL's manual, pg_logical_emit_message).
inline constexpr std::string_view proving_write = "SELECT pg_logical_emit_message(true, 'ratebook', '')";

// store_read.cpp
Statement head_question();
Result<store::Head> newest_in(const Rows& rows);
Statement versions_question(Version after, std::size_t limit);
std::vector<VersionRow> versions_in(const Rows& rows);

// store_places.cpp
/// Regions, then ports, of the places that version `at` holds.
std::array<Statement, 2> places_questions(Version at);
PlacesDocument places_in(const Rows& regions, const Rows& ports);

// store_prices.cpp
/// All prices of an attempt that a batch counts; else Failure::not_found.
Result<void> read_attempt(Connection& connection, const std::string& attempt, std::size_t prices_max,
                          const store::PriceSink& sink);

}  // namespace ratebook::postgres
