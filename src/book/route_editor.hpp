// Merges additions and removals into the leaves of one route.
#pragma once
#include <span>
#include <vector>

#include "book/price_run.hpp"
#include "book/tree.hpp"

namespace ratebook::book {

/// Starts to fetch the leaves that `changes` touch.
void prefetch_leaves(const Route* route, const KeyChanges& changes);

/// One for many routes, one after the other: it keeps its buffers.
class RouteEditor {
 public:
  explicit RouteEditor(Edit& edit) : edit_(edit) {}

  /// The route after `changes`; nullptr: nothing is left. Retires what it replaces of `before` (nullptr: no route).
  /// Failure::damaged: something is removed that does not stand there.
  Result<const Route*> change(const Route* before, KeyChanges changes);

 private:
  /// What changes in a leaf: all below the next leaf's first item, and removals of just that item, since equal items
  /// may stand on both sides of the border.
  struct Border {
    bool none = true;  ///< it is the last leaf
    Item next = 0;
  };
  bool touches(Border border) const;
  bool adds_below(Border border) const { return !added_.empty() && (border.none || added_.front().item < border.next); }
  bool removes_up_to(Border border) const {
    return !removed_.empty() && (border.none || removed_.front().item <= border.next);
  }
  /// Puts the changes up to the border behind pending_, and what `leaf` has between them; false: a removal finds
  /// nothing.
  bool merge(const Leaf* leaf, Border border);
  /// Puts what `leaf` has up to `item` behind pending_.
  void take_below(const Leaf* leaf, LeafPosition& position, Item item);

  Edit& edit_;
  std::span<const Key> added_;    ///< not yet merged
  std::span<const Key> removed_;  ///< not yet merged
  PriceRun pending_;              ///< merged, not yet in a leaf
  std::vector<Route::Entry> leaves_;
};

}  // namespace ratebook::book
