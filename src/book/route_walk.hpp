// Walks the prices of routes in a span of days, cell by cell.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "book/book.hpp"
#include "book/prefetch.hpp"
#include "book/tree.hpp"
#include "model/turns.hpp"

namespace ratebook::book {

struct Days {
  std::uint32_t first = 0;
  std::uint32_t last = 0;  ///< not before `first`

  std::size_t count() const { return last - first + 1; }
};

/// The first leaf of the route that may have a price on `day` or later.
inline std::size_t first_leaf_from(const Route& route, std::uint32_t day) {
  const std::span<const Item> keys = route.keys();
  const Item item = make_item(Day{static_cast<std::int32_t>(day)}, Cents{0});
  const auto behind = static_cast<std::size_t>(std::ranges::lower_bound(keys, item) - keys.begin());
  // The leaf before may end with that day, or days after it.
  return behind == 0 ? 0 : behind - 1;
}

/// Calls fn(day, amounts) for every cell of the route in `days`, in order. Days go on from a leaf to the next.
template <class Fn>
void walk_route(const Route& route, Days days, Fn fn) {
  const std::span<const Item> keys = route.keys();
  for (std::size_t i = first_leaf_from(route, days.first); i < keys.size() && item_day(keys[i]) <= days.last; ++i) {
    const Leaf& leaf = *route.children()[i];
    const std::size_t end = leaf.first_cell_from(days.last + 1);
    for (std::size_t cell = leaf.first_cell_from(days.first); cell < end; ++cell) fn(leaf.day(cell), leaf.cell(cell));
  }
}

/// The ports of a query's places, ready for walk_routes().
class RoutePorts {
 public:
  RoutePorts(const PlaceTree& places, const RateQuery& query) {
    assign(places, query.orig, origs_);
    assign(places, query.dest, dests_);
    is_dest_.resize(dests_.empty() ? 0 : dests_.back() + 1);
    for (const PortNumber port : dests_) is_dest_[port] = true;
  }

  std::span<const PortNumber> origs() const { return origs_; }
  std::span<const PortNumber> dests() const { return dests_; }
  bool is_dest(PortNumber port) const { return port < is_dest_.size() && is_dest_[port]; }

 private:
  static void assign(const PlaceTree& places, PlaceNumber place, std::vector<PortNumber>& ports) {
    if (place.kind == PlaceNumber::Kind::port) {
      ports = {place.number};
      return;
    }
    const auto below = places.ports(place);
    ports.assign(below.begin(), below.end());
    std::ranges::sort(ports);  // nodes of neighbours are neighbours in memory
  }

  std::vector<PortNumber> origs_;
  std::vector<PortNumber> dests_;
  std::vector<bool> is_dest_;
};

/// Calls fn(route) for every route with prices between the ports.
template <class Fn>
void for_each_route_between(const TreePart& tree, const RoutePorts& ports, Fn fn) {
  for (const PortNumber orig : ports.origs()) {
    const Origin* origin = tree.origins->find(orig);
    if (!origin || route_id(orig, origin->keys().back()) < tree.first_route) continue;
    const auto begins = [&](PortNumber dest) { return route_id(orig, dest) >= tree.first_route; };
    if (ports.dests().size() * 4 < origin->size()) {
      for (const PortNumber dest : ports.dests()) {
        if (const Route* route = origin->find(dest); route && begins(dest)) fn(*route);
      }
    } else {
      for (std::size_t i = 0; i < origin->size(); ++i) {
        if (ports.is_dest(origin->keys()[i]) && begins(origin->keys()[i])) fn(*origin->children()[i]);
      }
    }
  }
}

/// Some cells of a leaf.
struct LeafPart {
  const Leaf* leaf = nullptr;
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// Calls fn(part) for the leaves with cells in `days` of the trees' routes between the ports, route by route. Nodes lie
/// scattered in memory; so the work is done in blocks of routes, where one loop fetches what the next reads.
template <class Fn>
void walk_leaves(std::span<const TreePart> trees, const RoutePorts& ports, Days days, Fn fn) {
  constexpr std::size_t block_routes = 32;
  std::vector<const Route*> routes;
  std::vector<LeafPart> parts;
  const auto walk_block = [&](std::span<const Route* const> block) {
    for (const Route* route : block) prefetch_route(route);
    parts.clear();
    for (const Route* route : block) {
      const std::span<const Item> keys = route->keys();
      for (std::size_t i = first_leaf_from(*route, days.first); i < keys.size() && item_day(keys[i]) <= days.last;
           ++i) {
        parts.push_back({route->children()[i]});
        prefetch_cells(parts.back().leaf);
      }
    }
    for (LeafPart& part : parts) {
      part.begin = part.leaf->first_cell_from(days.first);
      part.end = part.leaf->first_cell_from(days.last + 1);
      if (part.begin < part.end) prefetch(part.leaf->cells(part.begin, part.end));
    }
    for (const LeafPart& part : parts) {
      if (part.begin < part.end) fn(part);
    }
  };
  for (const TreePart& tree : trees) {
    for_each_route_between(tree, ports, [&routes](const Route& route) { routes.push_back(&route); });
  }
  for (std::size_t i = 0; i < routes.size(); i += block_routes) {
    let_others_run();
    walk_block(std::span(routes).subspan(i, std::min(block_routes, routes.size() - i)));
  }
}

}  // namespace ratebook::book
