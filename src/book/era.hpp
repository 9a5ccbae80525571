// Who frees the nodes, and when: versions share nodes that count no users, and snapshots go on any thread, in any
// order.
//
//   snapshot 1 ──▶ era 1 ──▶ era 2 ──▶ era 3 ◀── snapshot 3         era n holds the nodes that version n has and
//                    │         │         │                          version n + 1 has not; the last era all its nodes
//                 retired   retired   whole tree
//
// An era lives as long as its snapshot or the era before it, so it goes only when no snapshot up to its own is left,
// which are all that can see its nodes.
#pragma once
#include <atomic>
#include <cstdint>
#include <vector>

#include "book/sums.hpp"
#include "book/tree.hpp"

namespace ratebook::book {

struct Era {
  Era(Tree its_tree, Sums its_sums) : tree(its_tree), sums(std::move(its_sums)) {}

  const Tree tree;
  const Sums sums;

  // Set once, by the writer, which owns the era meanwhile; read when the last owner goes.
  Era* next = nullptr;               ///< owned
  std::vector<const void*> retired;  ///< nodes that `next` does not use

  std::atomic<std::uint32_t> owners{1};
};

/// Gives up one ownership, and frees all that nobody can see any more. Not recursive: thousands of eras may go at once.
void release(Era* era);

/// One owner of an era.
class EraHandle {
 public:
  /// Takes over one ownership.
  explicit EraHandle(Era* era) : era_(era) {}
  EraHandle(EraHandle&& other) noexcept : era_(std::exchange(other.era_, nullptr)) {}
  EraHandle& operator=(EraHandle&&) = delete;
  ~EraHandle() {
    if (era_) release(era_);
  }
  Era* operator->() const { return era_; }
  Era& operator*() const { return *era_; }

 private:
  Era* era_;
};

}  // namespace ratebook::book
