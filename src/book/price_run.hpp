// Ascending prices of one route on their way into leaves: laid out as in a leaf, but of any length.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "book/item.hpp"
#include "book/leaf.hpp"
#include "book/node.hpp"
#include "book/tree.hpp"

namespace ratebook::book {

class PriceRun {
 public:
  std::size_t size() const { return amounts_.size(); }
  void clear();
  /// Not less than what was appended before, and so below.
  void append(Item item);
  void append(const Leaf& leaf, LeafPosition from, LeafPosition to);
  /// Makes leaves of at most leaf_prices_max prices, about equal, and appends them to `leaves`.
  void cut(Edit& edit, std::vector<Route::Entry>& leaves) const;

 private:
  std::vector<std::uint32_t> amounts_;
  std::vector<std::uint32_t> cell_days_;
  std::vector<std::uint32_t> cell_ends_;
};

}  // namespace ratebook::book
