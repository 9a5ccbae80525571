// Prices are put to their route as they come, eight bytes each, by several threads at once; at the end each route is
// sorted by itself and becomes leaves while its buffers are given back. So nothing is sorted as a whole, and the peak
// is about twice the book.
#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <utility>

#include "book/book.hpp"
#include "book/parts.hpp"
#include "book/price_run.hpp"
#include "model/radix_sort.hpp"

namespace ratebook::book {
namespace {

/// The items of one route in the order in which they came, in blocks that are never moved.
class ItemList {
 public:
  void add(Item item) {
    if (blocks_.empty() || blocks_.back().size() == blocks_.back().capacity()) add_block();
    blocks_.back().push_back(item);
  }
  /// Appends the items and empties the list.
  void move_to(std::vector<Item>& items) {
    for (std::vector<Item>& block : blocks_) {
      items.insert(items.end(), block.begin(), block.end());
      block = {};
    }
    blocks_ = {};
  }

 private:
  void add_block() {
    // A quarter of what there is, so that little is left unused.
    blocks_.emplace_back().reserve(std::clamp<std::size_t>(item_count_ / 4, 8, 4096));
    item_count_ += blocks_.back().capacity();
  }

  std::vector<std::vector<Item>> blocks_;
  std::size_t item_count_ = 0;
};

using RouteItems = std::pair<std::uint64_t, ItemList>;

}  // namespace

/// Aligned to a cache line of its own, since threads write into neighbours.
struct alignas(64) Loader::Part {
  boost::unordered_flat_map<std::uint64_t, std::uint32_t> number_of_route;
  std::vector<RouteItems> routes;
  std::uint64_t price_count = 0;

  ItemList& list_of(std::uint64_t route) {
    const auto [at, is_new] = number_of_route.try_emplace(route, static_cast<std::uint32_t>(routes.size()));
    if (is_new) routes.emplace_back(route, ItemList{});
    return routes[at->second].second;
  }
};

namespace {

const Route* make_route(std::span<const Item> items, PriceRun& run, std::vector<Route::Entry>& leaves, Edit& edit) {
  run.clear();
  for (const Item item : items) run.append(item);
  leaves.clear();
  run.cut(edit, leaves);
  return edit.make<Route>(std::span<const Route::Entry>(leaves));
}

/// `routes` ascend, one may come from several parts; their lists are emptied.
Tree make_tree(std::vector<RouteItems>& routes, Edit& edit) {
  Tree tree;
  std::vector<Item> items;
  std::vector<Item> scratch;
  PriceRun run;
  std::vector<Route::Entry> leaves;
  std::vector<Origin::Entry> dests;
  std::vector<Origins::Entry> origins;
  for (std::size_t i = 0; i < routes.size(); ++i) {
    auto& [route, list] = routes[i];
    list.move_to(items);
    if (i + 1 < routes.size() && routes[i + 1].first == route) continue;
    ++tree.route_count;
    radix_sort(std::span(items), scratch);
    dests.push_back({route_dest(route), make_route(items, run, leaves, edit)});
    items.clear();
    if (i + 1 < routes.size() && route_orig(routes[i + 1].first) == route_orig(route)) continue;
    origins.push_back({route_orig(route), edit.make<Origin>(std::span<const Origin::Entry>(dests))});
    dests.clear();
  }
  if (!origins.empty()) tree.origins = edit.make<Origins>(std::span<const Origins::Entry>(origins));
  return tree;
}

}  // namespace

Loader::Loader(std::size_t part_count) : parts_(part_count) {}
Loader::~Loader() = default;

void Loader::add(std::span<const NumberedPrice> prices, std::size_t part) {
  Part& into = parts_[part];
  std::uint64_t route = 0;
  ItemList* list = nullptr;
  for (const NumberedPrice& price : prices) {
    const std::uint64_t its_route = route_id(price.orig, price.dest);
    if (!list || route != its_route) list = &into.list_of(its_route);
    route = its_route;
    list->add(make_item(price.day, price.amount));
  }
  into.price_count += prices.size();
}

Snapshot Loader::finish(Version version, const Digest& chain, std::shared_ptr<const PlaceTree> places) {
  std::vector<RouteItems> routes;
  std::uint64_t price_count = 0;
  for (Part& part : parts_) {
    part.number_of_route = {};
    std::ranges::move(std::exchange(part.routes, {}), std::back_inserter(routes));
    price_count += part.price_count;
  }
  std::ranges::sort(routes, {}, &RouteItems::first);
  if (!places) places = std::make_shared<const PlaceTree>();
  auto place_index = std::make_shared<const PlaceIndex>(*places);

  Edit edit;
  const Tree tree = make_tree(routes, edit);
  routes = {};
  Sums sums = choose_sums(add_tree({}, *place_index, tree, edit), *place_index, tree, price_count, edit);
  EraHandle era(new Era(tree, std::move(sums)));
  const std::size_t node_bytes = edit.bytes_after(0);
  // What is retired here nobody has seen; there is no era before to keep it.
  for (const void* node : edit.keep()) free_node(node);
  return std::make_shared<const Book>(
      std::make_unique<const Book::Parts>(version, chain, std::move(places), std::move(place_index), price_count,
                                          node_bytes, std::move(era), std::vector<Beside>{}));
}

}  // namespace ratebook::book
