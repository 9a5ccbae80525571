// What GET /v1/rates and POST /v1/rates/query have in common: how a question is read, found in the places of a version,
// and written. What a reader says of a wrong value is how to mend it.
#pragma once
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "api/problems.hpp"
#include "api/rate_text.hpp"
#include "api/service.hpp"

namespace ratebook::api {

struct RouteText {
  std::string origin;  ///< a port's code or a region's slug
  std::string destination;
};

/// What is asked of each route.
struct RatesWanted {
  Day from;
  Day to;
  Statistics statistics;
  std::uint64_t min_count = 1;
};

std::expected<Day, std::string> read_rates_day(std::string_view text);
/// What is wrong with `to`; empty: nothing.
std::string check_days(Day from, Day to, const Limits& limits);
std::expected<Statistics, std::string> read_statistics(std::string_view text);
std::expected<std::uint64_t, std::string> read_min_count(std::optional<std::uint64_t> number);
inline constexpr std::string_view place_wanted = "write a port such as CNSGH or a region such as north_europe_main";
inline constexpr std::string_view version_wanted = "write a version such as 44";

std::expected<book::RateQuery, Problem> resolve(const RouteText& route, const RatesWanted& wanted,
                                                const PlaceTree& places);

/// `{"version","origin","destination","currency","rates":[…]}`
void append_route_rates(std::string& out, Version version, const RouteText& route, const RatesWanted& wanted,
                        std::span<const book::DayRate> rates);

}  // namespace ratebook::api
