// Prices out of a seed: the same for the same settings on any machine, since no float takes part. Each route has a base
// price around which it drifts from day to day, and several suppliers, each a little dearer or cheaper than the others.
//
//   day 1: route 1: supplier 1, 2, 3 …   route 2: …      the first ports of the list trade most
//   day 2: route 1: …
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "model/error.hpp"
#include "model/places.hpp"
#include "model/price.hpp"

namespace ratebook::cli {

struct GeneratorOptions {
  std::uint64_t price_count = 50'000;  ///< 1..10,000,000,000: exactly as many come
  std::uint64_t seed = 1;
  Day first_day{20'454};         ///< 2026-01-01
  std::uint32_t day_count = 31;  ///< 1..65,744, the last day at most day_max
};

inline constexpr Cents generated_min{50'00};
inline constexpr Cents generated_max{20'000'00};
inline constexpr std::size_t generator_ports_max = 2'000;

/// All prices of one route on one day, at least one.
struct RouteDay {
  PortCode orig;
  PortCode dest;
  Day day;
  std::span<const Cents> amounts;
};

/// Gives every run to `sink`, days ascending, until it returns false. Routes go between ports of different regions.
/// Closed ports do not trade. Failure::conflict: options out of range, or no two ports that could trade.
Result<void> generate(const GeneratorOptions& options, const std::vector<PortDocument>& ports,
                      const std::function<bool(const RouteDay&)>& sink);

}  // namespace ratebook::cli
