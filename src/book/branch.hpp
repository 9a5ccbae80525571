// An inner node: ascending keys and a child for each. Every level above the leaves is made of it.
#pragma once
#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <vector>

#include "book/node.hpp"

namespace ratebook::book {

template <class Key, class Child>
struct Entry {
  Key key{};
  const Child* child = nullptr;  ///< nullptr in a change: the key goes
};

/// Memory: count, keys, children (aligned to 8), in one block. Keys may repeat only where find() is not used.
template <std::unsigned_integral KeyType, class ChildType>
class Branch {
 public:
  using Key = KeyType;
  using Child = ChildType;
  using Entry = book::Entry<Key, Child>;

  static Branch* make(std::span<const Entry> entries) {
    auto* branch = new (::operator new(bytes(entries.size()))) Branch(entries.size());
    auto* keys = branch->mutable_keys();
    auto* children = branch->mutable_children();
    for (std::size_t i = 0; i < entries.size(); ++i) {
      keys[i] = entries[i].key;
      children[i] = entries[i].child;
    }
    return branch;
  }

  std::size_t size() const { return size_; }
  std::size_t bytes() const { return bytes(size_); }
  std::span<const Key> keys() const { return {reinterpret_cast<const Key*>(this + 1), size_}; }
  std::span<const Child* const> children() const {
    const auto* base = reinterpret_cast<const std::byte*>(this);
    return {reinterpret_cast<const Child* const*>(base + children_offset(size_)), size_};
  }

  /// The child of `key`, or nullptr. Keys ascend by at least one, so a key stands at most key - first from the start,
  /// and where ports are numbered without gaps just there: one look instead of a search.
  const Child* find(Key key) const {
    const std::span<const Key> all = keys();
    if (all.empty() || key < all.front()) return nullptr;
    std::size_t end = std::min<std::uint64_t>(key - all.front(), all.size() - 1) + 1;
    std::size_t begin = end - 1;
    for (std::size_t step = 1; all[begin] > key; step *= 2) {
      end = begin;
      begin = begin > step ? begin - step : 0;
    }
    const auto at = std::ranges::lower_bound(all.subspan(begin, end - begin), key);
    const auto index = static_cast<std::size_t>(&*at - all.data());
    return index < end && all[index] == key ? children()[index] : nullptr;
  }

 private:
  explicit Branch(std::size_t size) : size_(size) {}
  static constexpr std::size_t children_offset(std::size_t size) {
    return sizeof(Branch) + (size * sizeof(Key) + 7) / 8 * 8;
  }
  static constexpr std::size_t bytes(std::size_t size) { return children_offset(size) + size * sizeof(Child*); }
  Key* mutable_keys() { return reinterpret_cast<Key*>(this + 1); }
  const Child** mutable_children() {
    return reinterpret_cast<const Child**>(reinterpret_cast<std::byte*>(this) + children_offset(size_));
  }

  std::size_t size_;
};

/// `before` (nullptr: empty) with `changes`, whose keys ascend, put over it; nullptr when nothing is left. Retires
/// `before`.
template <class Node>
const Node* change_branch(const Node* before, std::span<const typename Node::Entry> changes, Edit& edit) {
  std::vector<typename Node::Entry> entries;
  entries.reserve((before ? before->size() : 0) + changes.size());
  auto change = changes.begin();
  const auto take_changes_below = [&](auto until) {
    for (; change != changes.end() && until(change->key); ++change) {
      if (change->child) entries.push_back(*change);
    }
  };
  for (std::size_t i = 0; before && i < before->size(); ++i) {
    const auto key = before->keys()[i];
    take_changes_below([key](auto changed) { return changed < key; });
    if (change != changes.end() && change->key == key) continue;  // the change is taken with the next key
    entries.push_back({key, before->children()[i]});
  }
  take_changes_below([](auto) { return true; });
  if (before) edit.retire(before);
  return entries.empty() ? nullptr : edit.make<Node>(std::span<const typename Node::Entry>(entries));
}

}  // namespace ratebook::book
