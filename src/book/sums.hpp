// Sums and counts by day of all prices and of every wide pair of regions, in chunks of 64 days that versions share.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "book/branch.hpp"
#include "book/node.hpp"
#include "book/place_index.hpp"
#include "book/tree.hpp"
#include "book/wide_pairs.hpp"

namespace ratebook::book {

inline constexpr std::uint32_t sum_chunk_days = 64;

struct SumChunk {
  std::array<std::uint64_t, sum_chunk_days> sum_cents{};
  std::array<std::uint32_t, sum_chunk_days> counts{};

  static SumChunk* make(const SumChunk* before) {
    void* memory = ::operator new(sizeof(SumChunk));
    return before ? new (memory) SumChunk(*before) : new (memory) SumChunk();
  }
  static constexpr std::size_t bytes() { return sizeof(SumChunk); }
  bool is_empty() const { return counts == decltype(counts){}; }
};

using DaySums = Branch<std::uint32_t, SumChunk>;  ///< key: day / sum_chunk_days

/// By number (wide_pairs.hpp); nullptr: no prices.
struct Sums {
  std::shared_ptr<const WidePairs> pairs = std::make_shared<const WidePairs>();
  std::vector<const DaySums*> days{nullptr};
};

/// The sums after a change of prices, the wide pairs staying what they are.
Sums change_sums(const Sums& before, const PlaceIndex& places, KeyChanges changes, Edit& edit);

/// The sums with those of more prices, over the same wide pairs.
Sums add_sums(const Sums& before, const Sums& more, Edit& edit);
/// The sums with those of a tree of more prices, the wide pairs staying what they are.
Sums add_tree(const Sums& before, const PlaceIndex& places, const Tree& tree, Edit& edit);

/// The sums of `tree` with its wide pairs chosen anew; sums of `before` that are still right are shared. `before` has
/// the sums of all prices; its pairs are of the same places, or else it has none.
Sums choose_sums(const Sums& before, const PlaceIndex& places, const Tree& tree, std::size_t price_count, Edit& edit);

/// Without the wide pairs, which are retired: for other places.
Sums without_pairs(const Sums& before, Edit& edit);

/// The first and last day with prices; nullopt: none.
std::optional<std::pair<std::uint32_t, std::uint32_t>> first_and_last_day(const DaySums* sums);

/// Frees every node.
void free_sums(const Sums& sums);

}  // namespace ratebook::book
