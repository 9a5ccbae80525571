#include "book/wide_pairs.hpp"

#include <algorithm>
#include <utility>

namespace ratebook::book {
namespace {

std::uint64_t pair_id(RegionNumber orig, RegionNumber dest) { return static_cast<std::uint64_t>(orig) << 32 | dest; }

using RouteCounts = boost::unordered_flat_map<std::uint64_t, std::size_t>;

/// Routes with prices of every pair of regions that has any.
RouteCounts count_routes(const Tree& tree, const PlaceIndex& places) {
  RouteCounts counts;
  if (!tree.origins) return counts;
  boost::unordered_flat_map<RegionNumber, std::size_t> of_origin;
  for (std::size_t i = 0; i < tree.origins->size(); ++i) {
    of_origin.clear();
    for (const PortNumber dest : tree.origins->children()[i]->keys()) {
      for (const RegionNumber region : places.regions_of(dest)) ++of_origin[region];
    }
    for (const RegionNumber orig : places.regions_of(tree.origins->keys()[i])) {
      for (const auto& [dest, count] : of_origin) counts[pair_id(orig, dest)] += count;
    }
  }
  return counts;
}

}  // namespace

WidePairs::WidePairs(const Tree& tree, const PlaceIndex& places, std::size_t pairs_max, std::size_t chunk_count)
    : route_count_(tree.route_count), chunk_count_(chunk_count) {
  std::vector<std::pair<std::size_t, std::uint64_t>> wide;  // routes, pair
  for (const auto& [pair, routes] : count_routes(tree, places)) {
    if (routes >= wide_routes_min) wide.emplace_back(routes, pair);
  }
  std::ranges::sort(wide, std::greater{});
  if (wide.size() > pairs_max) wide.resize(pairs_max);
  for (const auto& [routes, pair] : wide) number_.emplace(pair, static_cast<std::uint32_t>(number_.size() + 1));
}

std::optional<std::uint32_t> WidePairs::find(RegionNumber orig, RegionNumber dest) const {
  const auto at = number_.find(pair_id(orig, dest));
  if (at == number_.end()) return std::nullopt;
  return at->second;
}

void WidePairs::append_of_route(const PlaceIndex& places, PortNumber orig, PortNumber dest,
                                std::vector<std::uint32_t>& numbers) const {
  if (number_.empty()) return;
  for (const RegionNumber from : places.regions_of(orig)) {
    for (const RegionNumber to : places.regions_of(dest)) {
      if (const auto at = number_.find(pair_id(from, to)); at != number_.end()) numbers.push_back(at->second);
    }
  }
}

std::vector<std::optional<std::uint32_t>> WidePairs::numbers_in(const WidePairs& before) const {
  std::vector<std::optional<std::uint32_t>> numbers(number_.size() + 1);
  numbers[sums_of_all] = sums_of_all;
  for (const auto& [pair, number] : number_) {
    if (const auto at = before.number_.find(pair); at != before.number_.end()) numbers[number] = at->second;
  }
  return numbers;
}

}  // namespace ratebook::book
