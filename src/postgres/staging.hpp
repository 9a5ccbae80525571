// A chunk on its way in: what stage() and a move write alike.
#pragma once
#include <span>
#include <string>

#include "model/price.hpp"
#include "postgres/connection.hpp"

namespace ratebook::postgres {

/// First in a transaction: it then need not wait for a disk or a standby. What makes the chunk count does, and what
/// stands before that in PostgreSQL's log comes with it.
inline constexpr std::string_view without_waiting = "SET LOCAL synchronous_commit = off";

/// Its answer is the chunk's number, or no row where the chunk stands already. `prices` are sorted.
Statement insert_marker(const std::string& attempt, std::uint32_t chunk, std::span<const NumberedPrice> prices);

Result<void> copy_prices(Connection& connection, std::int64_t number, std::span<const NumberedPrice> prices);

}  // namespace ratebook::postgres
