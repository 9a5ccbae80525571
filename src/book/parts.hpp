// What a snapshot is made of.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "book/book.hpp"
#include "book/era.hpp"
#include "book/overlay.hpp"
#include "book/place_index.hpp"

namespace ratebook::book {

struct Book::Parts {
  Version version = 0;
  Digest chain{};
  std::shared_ptr<const PlaceTree> places;
  std::shared_ptr<const PlaceIndex> place_index;
  std::uint64_t price_count = 0;  ///< with those beside the tree
  std::size_t node_bytes = 0;
  EraHandle era;               ///< its sums are those of all prices
  std::vector<Beside> beside;  ///< in the order in which they came

  const Tree& tree() const { return era->tree; }
  const Sums& sums() const { return era->sums; }
  /// The tree, and what is beside it; only those with prices.
  std::vector<TreePart> trees() const;
};

}  // namespace ratebook::book
