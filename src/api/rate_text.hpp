// Rates as text: the existing service's form, and JSON and CSV of /v1. Pure; the first is the hot path.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "book/book.hpp"

namespace ratebook::api {

/// `2024-05-31`.
void append_day(std::string& out, Day day);

/// Below this count the existing service shows no price.
inline constexpr std::uint64_t existing_count_min = 3;

/// `{"rates":[…]}` with every day of from..to, newest first. `rates` ascending, within from..to.
void append_existing_rates(std::string& out, std::span<const book::DayRate> rates, Day from, Day to);

/// What is asked of a day beside its count, in the order asked.
struct Statistic {
  enum class Kind : std::uint8_t { average, minimum, maximum, percentile } kind = Kind::average;
  std::string name;            ///< as asked: `avg`, `p99.9`
  std::size_t percentile = 0;  ///< index into RateQuery::percentiles
};

struct Statistics {
  std::vector<Statistic> shown;
  bool extremes = false;            ///< a minimum or maximum is among them
  std::vector<double> percentiles;  ///< each 0..1
};

inline constexpr std::size_t statistics_max = 32;

/// `avg,min,p20,p99.9,count`; nullopt: one of them is unknown or stands twice, or they are too many. `count` is always
/// shown and may be named.
std::optional<Statistics> parse_statistics(std::string_view text);

/// The elements of `rates`, without the brackets. Below min_count statistics are null.
void append_rates_json(std::string& out, std::span<const book::DayRate> rates, const Statistics& statistics,
                       std::uint64_t min_count);
/// RFC 4180 with a header row; null is an empty field.
void append_rates_csv(std::string& out, std::span<const book::DayRate> rates, const Statistics& statistics,
                      std::uint64_t min_count);

}  // namespace ratebook::api
