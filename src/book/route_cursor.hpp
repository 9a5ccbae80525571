// The routes of several trees as those of one.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "book/tree.hpp"

namespace ratebook::book {

/// Goes over the routes of a tree, from one on.
class RouteCursor {
 public:
  RouteCursor(const Tree& tree, std::uint64_t first_route) : origins_(tree.origins) {
    if (!origins_) return;
    const auto index_of = [](const auto& keys, PortNumber port) {
      return static_cast<std::size_t>(std::ranges::lower_bound(keys, port) - keys.begin());
    };
    origin_ = index_of(origins_->keys(), route_orig(first_route));
    if (is_at_end() || origins_->keys()[origin_] != route_orig(first_route)) return;
    dest_ = index_of(origin().keys(), route_dest(first_route));
    skip_end();
  }
  bool is_at_end() const { return !origins_ || origin_ == origins_->size(); }
  std::uint64_t id() const { return route_id(origins_->keys()[origin_], origin().keys()[dest_]); }
  const Route& route() const { return *origin().children()[dest_]; }
  void advance() {
    ++dest_;
    skip_end();
  }

 private:
  const Origin& origin() const { return *origins_->children()[origin_]; }
  void skip_end() {
    if (dest_ < origin().size()) return;
    dest_ = 0;
    ++origin_;
  }

  const Origins* origins_;
  std::size_t origin_ = 0;
  std::size_t dest_ = 0;
};

/// Calls fn(route id, items) for the routes of all the trees together, ascending, each route's items ascending, until
/// it returns false.
template <class Fn>
void each_route(std::vector<RouteCursor> cursors, Fn fn) {
  std::vector<Item> items;
  while (true) {
    std::uint64_t id = UINT64_MAX;
    std::erase_if(cursors, [](const RouteCursor& cursor) { return cursor.is_at_end(); });
    for (const RouteCursor& cursor : cursors) id = std::min(id, cursor.id());
    if (cursors.empty()) return;
    items.clear();
    std::size_t trees = 0;
    for (RouteCursor& cursor : cursors) {
      if (cursor.id() != id) continue;
      ++trees;
      for (const Leaf* leaf : cursor.route().children()) {
        for (std::size_t cell = 0; cell < leaf->cell_count(); ++cell) {
          const Item day = static_cast<Item>(leaf->day(cell)) << 32;
          for (const std::uint32_t amount : leaf->cell(cell)) items.push_back(day | amount);
        }
      }
      cursor.advance();
    }
    if (trees > 1) std::ranges::sort(items);
    if (!fn(id, std::span<const Item>(items))) return;
  }
}

}  // namespace ratebook::book
