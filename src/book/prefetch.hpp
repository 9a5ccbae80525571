// Starts to fetch nodes that will be read soon. Nodes lie scattered in memory, and waiting for each would take longer
// than all that is done with them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "book/tree.hpp"

namespace ratebook::book {

inline void prefetch(const void* from, std::size_t bytes) {
  constexpr std::size_t line_bytes = 64;
  for (std::size_t at = 0; at < bytes; at += line_bytes) __builtin_prefetch(static_cast<const std::byte*>(from) + at);
}

/// Nothing for nullptr.
inline void prefetch_route(const Route* route) {
  if (route) prefetch(route, 128);
}

/// As much as a leaf usually takes; how much it really is stands in memory that is not fetched yet.
inline void prefetch_leaf(const Leaf* leaf) { prefetch(leaf, 8 * leaf_prices_aim); }
/// Of a leaf what tells where its amounts stand.
inline void prefetch_cells(const Leaf* leaf) { prefetch(leaf, 256); }
inline void prefetch(std::span<const std::uint32_t> amounts) { prefetch(amounts.data(), amounts.size_bytes()); }

}  // namespace ratebook::book
