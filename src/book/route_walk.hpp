// Walks the prices of routes in a span of days, cell by cell.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "book/book.hpp"
#include "book/tree.hpp"

namespace ratebook::book {

struct Days {
  std::uint32_t first = 0;
  std::uint32_t last = 0;  ///< not before `first`

  std::size_t count() const { return last - first + 1; }
};

/// Calls fn(day, amounts) for every cell of the route in `days`, in order. Days go on from a leaf to the next.
template <class Fn>
void walk_route(const Route& route, Days days, Fn fn) {
  const std::span<const Item> keys = route.keys();
  auto index = static_cast<std::size_t>(
      std::ranges::lower_bound(keys, make_item(Day{static_cast<std::int32_t>(days.first)}, Cents{0})) - keys.begin());
  // The leaf before may end with the first day, or days after it.
  if (index > 0) --index;
  for (; index < keys.size() && item_day(keys[index]) <= days.last; ++index) {
    const Leaf& leaf = *route.children()[index];
    for (std::size_t cell = leaf.first_cell_from(days.first); cell < leaf.cell_count(); ++cell) {
      const std::uint32_t day = leaf.day(cell);
      if (day > days.last) return;
      fn(day, leaf.cell(cell));
    }
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
void for_each_route_between(const Origins& origins, const RoutePorts& ports, Fn fn) {
  for (const PortNumber orig : ports.origs()) {
    const Origin* origin = origins.find(orig);
    if (!origin) continue;
    if (ports.dests().size() * 4 < origin->size()) {
      for (const PortNumber dest : ports.dests()) {
        if (const Route* route = origin->find(dest)) fn(*route);
      }
    } else {
      for (std::size_t i = 0; i < origin->size(); ++i) {
        if (ports.is_dest(origin->keys()[i])) fn(*origin->children()[i]);
      }
    }
  }
}

/// Calls fn(day, amounts) for every cell of the routes between the ports, route by route.
template <class Fn>
void walk_routes(const Origins& origins, const RoutePorts& ports, Days days, Fn fn) {
  for_each_route_between(origins, ports, [&](const Route& route) { walk_route(route, days, fn); });
}

}  // namespace ratebook::book
