// For tests: all prices of a version as a plain list, and rates worked out from it in the most obvious way.
#pragma once
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "book/book.hpp"

namespace ratebook::book::testing {

struct Model {
  std::vector<NumberedPrice> prices;
  PlacesDocument places;
};

inline std::string region_slug(std::size_t number) { return "region_" + std::to_string(number); }

/// Whether a port is the place or lies below it, by the document alone.
inline bool lies_in(const PlacesDocument& places, PortNumber port, PlaceNumber place) {
  if (place.kind == PlaceNumber::Kind::port) return port == place.number;
  if (port >= places.ports.size() || places.ports[port].closed) return false;
  std::string slug = places.ports[port].parent_slug;
  while (!slug.empty()) {
    if (slug == places.regions[place.number].slug) return true;
    slug = std::ranges::find(places.regions, slug, &RegionDocument::slug)->parent_slug;
  }
  return false;
}

inline double percentile(const std::vector<std::uint32_t>& sorted, double p) {
  const double at = p * static_cast<double>(sorted.size() - 1);
  const double low = sorted[static_cast<std::size_t>(std::floor(at))];
  const double high = sorted[static_cast<std::size_t>(std::ceil(at))];
  return low + (at - std::floor(at)) * (high - low);
}

inline std::vector<DayRate> rates(const Model& model, const RateQuery& query) {
  std::map<Day, std::vector<std::uint32_t>> amounts;
  const auto membership = [&model](PlaceNumber place) {
    return [&model, place, known = std::map<PortNumber, bool>{}](PortNumber port) mutable -> bool {
      const auto at = known.find(port);
      if (at != known.end()) return at->second;
      known[port] = lies_in(model.places, port, place);
      return known[port];
    };
  };
  auto is_orig = membership(query.orig);
  auto is_dest = membership(query.dest);
  for (const NumberedPrice& price : model.prices) {
    if (price.day < query.from || price.day > query.to) continue;
    if (!is_orig(price.orig) || !is_dest(price.dest)) continue;
    amounts[price.day].push_back(price.amount.value);
  }
  std::vector<DayRate> rates;
  for (auto& [day, of_day] : amounts) {
    std::ranges::sort(of_day);
    DayRate rate{.day = day, .count = of_day.size(), .sum_cents = 0, .min = {}, .max = {}, .percentiles = {}};
    for (const std::uint32_t amount : of_day) rate.sum_cents += amount;
    if (query.extremes) rate.min = Cents{of_day.front()};
    if (query.extremes) rate.max = Cents{of_day.back()};
    for (const double p : query.percentiles) rate.percentiles.push_back(percentile(of_day, p));
    rates.push_back(std::move(rate));
  }
  return rates;
}

/// Empty where the two agree exactly, else what differs.
inline std::string difference(const std::vector<DayRate>& got, const std::vector<DayRate>& wanted) {
  if (got.size() != wanted.size()) {
    return std::to_string(got.size()) + " days instead of " + std::to_string(wanted.size());
  }
  for (std::size_t i = 0; i < got.size(); ++i) {
    const std::string day = format_day(wanted[i].day) + ": ";
    if (got[i].day != wanted[i].day) return day + "is " + format_day(got[i].day);
    if (got[i].count != wanted[i].count) return day + "count " + std::to_string(got[i].count);
    if (got[i].sum_cents != wanted[i].sum_cents) return day + "sum " + std::to_string(got[i].sum_cents);
    if (got[i].min != wanted[i].min || got[i].max != wanted[i].max) return day + "extremes";
    if (got[i].percentiles != wanted[i].percentiles) return day + "percentiles";
  }
  return "";
}

/// Ports below a random tree of regions, the deepest `region_count` deep; about one port in eight is closed.
inline PlacesDocument random_places(std::mt19937_64& random, std::size_t port_count, std::size_t region_count) {
  PlacesDocument places;
  for (std::size_t i = 0; i < region_count; ++i) {
    const bool is_root = i == 0 || random() % 4 == 0;
    // The one before makes chains, any one makes bushes.
    const std::size_t parent = i == 0 ? 0 : (random() % 2 == 0 ? i - 1 : random() % i);
    places.regions.push_back({region_slug(i), "Region", is_root ? "" : region_slug(parent)});
  }
  for (std::size_t i = 0; i < port_count; ++i) {
    const bool closed = region_count == 0 || random() % 8 == 0;
    const std::string code = "XX" + std::to_string(100 + i);
    places.ports.push_back({code, "Port", closed ? "" : region_slug(random() % region_count), closed});
  }
  return places;
}

inline std::vector<NumberedPrice> prices_of(const Book& book) {
  std::vector<NumberedPrice> prices;
  book.each([&prices](std::span<const NumberedPrice> some) { prices.insert(prices.end(), some.begin(), some.end()); });
  return prices;
}

}  // namespace ratebook::book::testing
