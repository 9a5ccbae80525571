// Which pairs of regions are wide: those over so many routes that walking the routes for each query would be slow.
// The book keeps sums for them; all other pairs are added up from their routes.
#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "book/place_index.hpp"
#include "book/tree.hpp"

namespace ratebook::book {

/// A pair over fewer routes with prices is walked in some ten microseconds.
inline constexpr std::size_t wide_routes_min = 256;

/// Sums are kept by number: 0 is all prices, whatever their places; 1… are the wide pairs.
inline constexpr std::uint32_t sums_of_all = 0;

class WidePairs {
 public:
  WidePairs() = default;
  /// The pairs with at least wide_routes_min routes, those with most routes first, at most `pairs_max`. Each may need
  /// `chunk_count` chunks of sums.
  WidePairs(const Tree& tree, const PlaceIndex& places, std::size_t pairs_max, std::size_t chunk_count);

  std::size_t size() const { return number_.size(); }
  /// The number of the sums of a pair of regions, if it is wide.
  std::optional<std::uint32_t> find(RegionNumber orig, RegionNumber dest) const;
  /// Appends the numbers of all wide pairs that a route belongs to.
  void append_of_route(const PlaceIndex& places, PortNumber orig, PortNumber dest,
                       std::vector<std::uint32_t>& numbers) const;
  /// Whether so many routes or days were added since that others may be wide by now, or there is room for fewer.
  bool is_outgrown(std::size_t route_count, std::size_t chunk_count) const {
    return route_count > route_count_ + route_count_ / 4 + 64 || chunk_count > 2 * chunk_count_ + 2;
  }
  /// For each number the one that the same pair had in `before`.
  std::vector<std::optional<std::uint32_t>> numbers_in(const WidePairs& before) const;
  std::size_t bytes() const { return number_.bucket_count() * 17; }

 private:
  boost::unordered_flat_map<std::uint64_t, std::uint32_t> number_;  ///< by origin region << 32 | destination region
  std::size_t route_count_ = 0;                                     ///< when they were chosen, and so below
  std::size_t chunk_count_ = 0;
};

}  // namespace ratebook::book
