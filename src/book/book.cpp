#include "book/book.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "book/overlay.hpp"
#include "book/parts.hpp"
#include "book/route_cursor.hpp"
#include "model/radix_sort.hpp"

namespace ratebook::book {
namespace {

constexpr std::size_t prices_at_a_time = 4096;
constexpr std::size_t merged_at_once = 1 << 20;

/// By value: what the prices took is given back before the next call.
// NOLINTNEXTLINE(performance-unnecessary-value-param): as said
std::vector<Key> sorted_keys(std::vector<NumberedPrice> prices, std::vector<Key>& scratch) {
  std::vector<Key> keys;
  keys.reserve(prices.size());
  for (const NumberedPrice& price : prices) {
    keys.push_back({route_id(price.orig, price.dest), make_item(price.day, price.amount)});
  }
  radix_sort(std::span(keys), scratch);
  return keys;
}

/// The same book with no node in common: where `before` has a successor already, its nodes have their era.
Snapshot copy_of(const Book& book) {
  Loader loader;
  book.each([&loader](std::span<const NumberedPrice> prices) { loader.add(prices); });
  return loader.finish(book.version(), book.chain(), book.places());
}

/// Sums of the changed tree, over other places if `places_changed`.
Sums next_sums(const Book::Parts& before, const PlaceIndex& places, bool places_changed, const Tree& tree,
               KeyChanges changes, std::size_t price_count, Edit& edit) {
  const Sums kept = places_changed ? without_pairs(before.sums(), edit) : before.sums();
  const Sums after = change_sums(kept, places, changes, edit);
  return places_changed ? choose_sums(after, places, tree, price_count, edit) : after;
}

/// With the wide pairs chosen anew where they are outgrown. That takes a walk over all prices: what is beside the tree
/// comes first.
Sums grown_sums(Sums sums, const PlaceIndex& places, const Tree& tree, std::size_t price_count, Edit& edit) {
  const DaySums* all = sums.days[sums_of_all];
  if (!sums.pairs->is_outgrown(tree.route_count, all ? all->size() : 0)) return sums;
  return choose_sums(sums, places, tree, price_count, edit);
}

/// What becomes another in the next snapshot.
struct Next {
  Version version = 0;
  Digest chain{};
  std::shared_ptr<const PlaceTree> places;
  std::shared_ptr<const PlaceIndex> place_index;
  std::uint64_t price_count = 0;
  std::vector<Beside> beside;
};

Next next_of(const Book::Parts& parts) {
  return {parts.version, parts.chain, parts.places, parts.place_index, parts.price_count, parts.beside};
}

Snapshot succeed(const Book::Parts& before, Next next, const Tree& tree, Sums sums, Edit& edit) {
  auto* era = new Era(tree, std::move(sums));
  EraHandle handle(era);
  era->owners.fetch_add(1, std::memory_order_relaxed);  // by the era before, and by the snapshot
  before.era->next = era;
  const std::size_t node_bytes = edit.bytes_after(before.node_bytes);
  before.era->retired = edit.keep();
  return std::make_shared<const Book>(
      std::make_unique<const Book::Parts>(next.version, next.chain, std::move(next.places), std::move(next.place_index),
                                          next.price_count, node_bytes, std::move(handle), std::move(next.beside)));
}

/// The same version with overlays beside its tree.
Snapshot put_beside(const Book::Parts& before, const std::vector<std::shared_ptr<const Overlay>>& overlays) {
  Edit edit;
  Next next = next_of(before);
  Sums sums = before.sums();
  for (const auto& overlay : overlays) {
    next.price_count += overlay->price_count();
    next.beside.push_back({overlay, 0});
    if (overlay->sums().pairs == sums.pairs) {
      sums = add_sums(sums, overlay->sums(), edit);
      continue;
    }
    // The wide pairs were chosen anew since.
    for (const Snapshot& slab : overlay->slabs()) {
      sums = add_tree(sums, *before.place_index, slab->parts().tree(), edit);
    }
  }
  return succeed(before, std::move(next), before.tree(), std::move(sums), edit);
}

void append_cursors(const Beside& beside, std::vector<RouteCursor>& cursors) {
  for (const Snapshot& slab : beside.overlay->slabs()) {
    cursors.emplace_back(slab->parts().tree(), beside.first_route);
  }
}

/// With all that was beside the tree in it.
Snapshot merged(Snapshot book) {
  while (book->is_to_merge()) book = merge(book, merged_at_once);
  return book;
}

}  // namespace

Book::Book(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
Book::~Book() = default;

Version Book::version() const { return parts_->version; }
const Digest& Book::chain() const { return parts_->chain; }
const std::shared_ptr<const PlaceTree>& Book::places() const { return parts_->places; }
std::uint64_t Book::price_count() const { return parts_->price_count; }

std::size_t Book::bytes() const {
  std::size_t beside = 0;
  for (const Beside& one : parts_->beside) beside += one.overlay->bytes();
  return beside + parts_->node_bytes + sizeof(Book) + sizeof(Parts) + sizeof(Era) + parts_->place_index->bytes() +
         parts_->sums().pairs->bytes() + parts_->sums().days.capacity() * sizeof(const DaySums*);
}

std::optional<std::pair<Day, Day>> Book::days() const {
  const auto days = first_and_last_day(parts_->sums().days[sums_of_all]);
  if (!days) return std::nullopt;
  return std::pair{Day{static_cast<std::int32_t>(days->first)}, Day{static_cast<std::int32_t>(days->second)}};
}

bool Book::is_to_merge() const { return !parts_->beside.empty(); }

std::vector<TreePart> Book::Parts::trees() const {
  std::vector<TreePart> trees;
  if (tree().origins) trees.push_back({tree().origins, 0});
  for (const Beside& one : beside) {
    for (const Snapshot& slab : one.overlay->slabs()) {
      if (slab->parts().tree().origins) trees.push_back({slab->parts().tree().origins, one.first_route});
    }
  }
  return trees;
}

void Book::each(const std::function<void(std::span<const NumberedPrice>)>& sink) const {
  std::vector<RouteCursor> cursors{{parts_->tree(), 0}};
  for (const Beside& one : parts_->beside) append_cursors(one, cursors);
  std::vector<NumberedPrice> prices;
  each_route(std::move(cursors), [&](std::uint64_t route, std::span<const Item> items) {
    for (const Item item : items) {
      const Day day{static_cast<std::int32_t>(item_day(item))};
      prices.push_back({route_orig(route), route_dest(route), day, Cents{item_cents(item)}});
    }
    if (prices.size() < prices_at_a_time) return true;
    sink(prices);
    prices.clear();
    return true;
  });
  if (!prices.empty()) sink(prices);
}

Snapshot empty_book() { return Loader().finish(0, Digest{}, std::make_shared<const PlaceTree>()); }

Result<Snapshot> apply(const Snapshot& before, Change change) {
  const bool places_changed = change.places != nullptr;
  Snapshot base = before->parts().era->next ? copy_of(*before) : before;
  if (!change.overlays.empty()) base = put_beside(base->parts(), std::exchange(change.overlays, {}));
  if (places_changed || !change.removed.empty()) base = merged(std::move(base));
  const Book::Parts& parts = base->parts();
  std::vector<Key> scratch;
  const std::vector<Key> added = sorted_keys(std::move(change.added), scratch);
  const std::vector<Key> removed = sorted_keys(std::move(change.removed), scratch);
  if (removed.size() > parts.price_count + added.size()) {
    return fail(Failure::damaged, "more prices are to be removed than stand in the book: load it anew from the store");
  }
  const KeyChanges changes{added, removed};
  Next next = next_of(parts);
  next.version = change.version;
  next.chain = change.chain;
  next.price_count += added.size() - removed.size();
  if (places_changed) {
    next.place_index = std::make_shared<const PlaceIndex>(*change.places);
    next.places = std::move(change.places);
  }

  Edit edit;
  const Result<Tree> tree = changes.empty() ? parts.tree() : change_tree(parts.tree(), changes, edit);
  if (!tree) return std::unexpected(tree.error());
  Sums sums = next_sums(parts, *next.place_index, places_changed, *tree, changes, next.price_count, edit);
  if (next.beside.empty()) sums = grown_sums(std::move(sums), *next.place_index, *tree, next.price_count, edit);
  return succeed(parts, std::move(next), *tree, std::move(sums), edit);
}

Snapshot merge(const Snapshot& before, std::size_t prices_max) {
  if (!before->is_to_merge()) return before;
  if (before->parts().era->next) return copy_of(*before);
  const Book::Parts& parts = before->parts();
  Next next = next_of(parts);
  std::vector<RouteCursor> cursors;
  append_cursors(next.beside.front(), cursors);
  std::vector<Key> keys;
  bool is_whole = true;
  each_route(std::move(cursors), [&](std::uint64_t route, std::span<const Item> items) {
    if (keys.size() >= prices_max) {
      next.beside.front().first_route = route;
      is_whole = false;
      return false;
    }
    for (const Item item : items) keys.push_back({route, item});
    return true;
  });
  if (is_whole) next.beside.erase(next.beside.begin());

  Edit edit;
  const Tree tree = change_tree(parts.tree(), {keys, {}}, edit).value();  // only a removal fails
  Sums sums = parts.sums();
  if (next.beside.empty()) sums = grown_sums(std::move(sums), *parts.place_index, tree, parts.price_count, edit);
  return succeed(parts, std::move(next), tree, std::move(sums), edit);
}

}  // namespace ratebook::book
