#include "api/route_rates.hpp"

#include <fmt/format.h>

#include "json/writer.hpp"

namespace ratebook::api {
namespace {

constexpr std::uint64_t min_count_max = 1'000'000'000;

std::expected<PlaceNumber, Problem> find(const PlaceTree& places, std::string_view name, std::string_view text) {
  if (const auto place = places.find(text)) return *place;
  return std::unexpected(
      Problem{problems::unknown_place,
              fmt::format("'{}': no port has the code and no region the slug '{}'; GET /v1/places lists them", name,
                          text.substr(0, 80)),
              {},
              {}});
}

}  // namespace

std::expected<Day, std::string> read_rates_day(std::string_view text) {
  if (const auto day = parse_day(text)) return *day;
  return std::unexpected("write a day such as 2021-01-31, from 1970-01-01 to 2149-12-31");
}

std::string check_days(Day from, Day to, const Limits& limits) {
  if (to < from) return "lies before date_from; swap them";
  if (to.since_1970 - from.since_1970 < limits.days_max) return {};
  return fmt::format("is too far from date_from; ask for at most {} days at once", limits.days_max);
}

std::expected<Statistics, std::string> read_statistics(std::string_view text) {
  if (auto statistics = parse_statistics(text)) return *std::move(statistics);
  return std::unexpected(
      fmt::format("write some of avg, min, max, count, p0 to p100 (p50, p99.9), each once, at most {}, with commas "
                  "between them",
                  statistics_max));
}

std::expected<std::uint64_t, std::string> read_min_count(std::optional<std::uint64_t> number) {
  if (number && *number >= 1 && *number <= min_count_max) return *number;
  return std::unexpected(fmt::format("write a number from 1 to {}", min_count_max));
}

std::expected<book::RateQuery, Problem> resolve(const RouteText& route, const RatesWanted& wanted,
                                                const PlaceTree& places) {
  const auto origin = find(places, "origin", route.origin);
  if (!origin) return std::unexpected(origin.error());
  const auto destination = find(places, "destination", route.destination);
  if (!destination) return std::unexpected(destination.error());
  return book::RateQuery{.orig = *origin,
                         .dest = *destination,
                         .from = wanted.from,
                         .to = wanted.to,
                         .extremes = wanted.statistics.extremes,
                         .percentiles = wanted.statistics.percentiles};
}

void append_route_rates(std::string& out, Version version, const RouteText& route, const RatesWanted& wanted,
                        std::span<const book::DayRate> rates) {
  json::Object object{out};
  object.number("version", version);
  object.text("origin", route.origin);
  object.text("destination", route.destination);
  object.text("currency", "USD");
  object.member("rates") += '[';
  append_rates_json(out, rates, wanted.statistics, wanted.min_count);
  out += ']';
}

}  // namespace ratebook::api
