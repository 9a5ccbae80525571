// Merges additions and removals into the leaves of one route.
#pragma once
#include <span>
#include <vector>

#include "book/tree.hpp"

namespace ratebook::book {

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
  /// Puts `leaf` and its changes behind pending_; false: a removal finds nothing.
  bool merge(std::span<const Item> leaf, Border border);

  Edit& edit_;
  std::span<const Key> added_;    ///< not yet merged
  std::span<const Key> removed_;  ///< not yet merged
  std::vector<Item> opened_;
  std::vector<Item> pending_;  ///< merged, not yet in a leaf
  std::vector<Route::Entry> leaves_;
};

}  // namespace ratebook::book
