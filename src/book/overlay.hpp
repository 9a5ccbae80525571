// Prices that stand beside the tree: those of a batch of millions are made ready before its version, so that it is
// visible at once, and go into the tree afterwards, a piece at a time (the delta and merge of column stores: Krueger
// et al., Fast Updates on Read-Optimized Databases Using Multi-Core CPUs, VLDB 2011).
//
//   OverlayBuilder ─ add … finish ─▶ Overlay ─ apply ─▶ tree + overlay ─ merge … merge ─▶ tree
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "book/book.hpp"
#include "book/sums.hpp"

namespace ratebook::book {

/// Immutable; its last owner frees it.
class Overlay {
 public:
  /// Takes over the nodes of `sums`, which are those of all the slabs.
  Overlay(std::vector<Snapshot> slabs, Sums sums) : slabs_(std::move(slabs)), sums_(std::move(sums)) {}
  Overlay(const Overlay&) = delete;
  Overlay& operator=(const Overlay&) = delete;
  ~Overlay() { free_sums(sums_); }

  /// Books of their own, without places: each price is in one of them.
  const std::vector<Snapshot>& slabs() const { return slabs_; }
  const Sums& sums() const { return sums_; }
  std::uint64_t price_count() const;
  std::size_t bytes() const;

 private:
  std::vector<Snapshot> slabs_;
  Sums sums_;
};

/// What a snapshot has beside its tree: of an overlay, the routes that are not yet in the tree.
struct Beside {
  std::shared_ptr<const Overlay> overlay;
  std::uint64_t first_route = 0;
};

}  // namespace ratebook::book
