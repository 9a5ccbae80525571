// All prices of a version as a tree: origin port → destination port → leaves. A step copies the leaves that it
// touches and the path to them, and shares the rest.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "book/branch.hpp"
#include "book/item.hpp"
#include "book/leaf.hpp"
#include "book/node.hpp"
#include "model/error.hpp"
#include "model/price.hpp"

namespace ratebook::book {

/// Changed between two calls of let_others_run().
inline constexpr std::size_t routes_a_turn = 32;

using Route = Branch<Item, Leaf>;  ///< a leaf's key is its first item; where a cell is long, keys repeat
using Origin = Branch<PortNumber, Route>;
using Origins = Branch<PortNumber, Origin>;

/// What is added to and removed from a part of the tree; both ascend.
struct KeyChanges {
  std::span<const Key> added;
  std::span<const Key> removed;

  bool empty() const { return added.empty() && removed.empty(); }
};

/// Calls fn(id, changes of that id) for every id among the changes, ascending. `id_of` must not fall as keys rise.
template <class IdOf, class Fn>
void for_each_group(KeyChanges changes, IdOf id_of, Fn fn) {
  const auto take = [&id_of](std::span<const Key>& keys, auto id) {
    std::size_t count = 0;
    while (count < keys.size() && id_of(keys[count]) == id) ++count;
    const auto taken = keys.first(count);
    keys = keys.subspan(count);
    return taken;
  };
  while (!changes.empty()) {
    const auto id = changes.added.empty()     ? id_of(changes.removed.front())
                    : changes.removed.empty() ? id_of(changes.added.front())
                                              : std::min(id_of(changes.added.front()), id_of(changes.removed.front()));
    const KeyChanges group{take(changes.added, id), take(changes.removed, id)};
    fn(id, group);
  }
}

inline std::uint64_t route_id(PortNumber orig, PortNumber dest) {
  return static_cast<std::uint64_t>(orig) << 32 | dest;
}
inline PortNumber route_orig(std::uint64_t route) { return static_cast<PortNumber>(route >> 32); }
inline PortNumber route_dest(std::uint64_t route) { return static_cast<PortNumber>(route); }

struct Tree {
  const Origins* origins = nullptr;  ///< nullptr: no prices
  std::size_t route_count = 0;       ///< with prices
};

/// The routes of a tree from one on.
struct TreePart {
  const Origins* origins = nullptr;  ///< never nullptr
  std::uint64_t first_route = 0;
};

/// The tree after `changes`. Failure::damaged: something is removed that does not stand there; then what `edit` holds
/// is good for nothing.
Result<Tree> change_tree(Tree before, KeyChanges changes, Edit& edit);

/// Frees every node.
void free_tree(const Tree& tree);

/// Calls fn(orig, dest, route) for every route, ascending.
template <class Fn>
void for_each_route(const Tree& tree, Fn fn) {
  if (!tree.origins) return;
  for (std::size_t i = 0; i < tree.origins->size(); ++i) {
    const Origin& origin = *tree.origins->children()[i];
    for (std::size_t k = 0; k < origin.size(); ++k) {
      fn(tree.origins->keys()[i], origin.keys()[k], *origin.children()[k]);
    }
  }
}

}  // namespace ratebook::book
