// A calendar day, counted from 1970-01-01 (proleptic Gregorian, no time zone).
#pragma once
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ratebook {

struct Day {
  std::int32_t since_1970 = 0;  ///< days

  auto operator<=>(const Day&) const = default;
};

inline constexpr Day day_min{0};      ///< 1970-01-01
inline constexpr Day day_max{65743};  ///< 2149-12-31

/// Reads exactly `YYYY-MM-DD`, a day that exists, day_min..day_max; anything else is nullopt.
std::optional<Day> parse_day(std::string_view text);

/// Any `YYYY-MM-DD` that exists, years 0001..9999: for `/rates`, which takes every date.
std::optional<Day> parse_any_day(std::string_view text);

/// Writes `YYYY-MM-DD` into ten characters at `out`. Years 0001..9999.
void format_day(Day day, char* out);
std::string format_day(Day day);

}  // namespace ratebook
