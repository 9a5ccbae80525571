#include "book/book.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "book/parts.hpp"
#include "model/radix_sort.hpp"

namespace ratebook::book {
namespace {

constexpr std::size_t prices_at_a_time = 4096;

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
  Sums after = change_sums(kept, places, changes, edit);
  const DaySums* all = after.days[sums_of_all];
  if (places_changed || after.pairs->is_outgrown(tree.route_count, all ? all->size() : 0)) {
    after = choose_sums(after, places, tree, price_count, edit);
  }
  return after;
}

}  // namespace

Book::Book(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
Book::~Book() = default;

Version Book::version() const { return parts_->version; }
const Digest& Book::chain() const { return parts_->chain; }
const std::shared_ptr<const PlaceTree>& Book::places() const { return parts_->places; }
std::uint64_t Book::price_count() const { return parts_->price_count; }

std::size_t Book::bytes() const {
  return parts_->node_bytes + sizeof(Book) + sizeof(Parts) + sizeof(Era) + parts_->place_index->bytes() +
         parts_->sums().pairs->bytes() + parts_->sums().days.capacity() * sizeof(const DaySums*);
}

std::optional<std::pair<Day, Day>> Book::days() const {
  const auto days = first_and_last_day(parts_->sums().days[sums_of_all]);
  if (!days) return std::nullopt;
  return std::pair{Day{static_cast<std::int32_t>(days->first)}, Day{static_cast<std::int32_t>(days->second)}};
}

void Book::each(const std::function<void(std::span<const NumberedPrice>)>& sink) const {
  std::vector<NumberedPrice> prices;
  prices.reserve(prices_at_a_time + leaf_prices_max);
  for_each_route(parts_->tree(), [&](PortNumber orig, PortNumber dest, const Route& route) {
    for (const Leaf* leaf : route.children()) {
      for (std::size_t cell = 0; cell < leaf->cell_count(); ++cell) {
        const Day day{static_cast<std::int32_t>(leaf->day(cell))};
        for (const std::uint32_t amount : leaf->cell(cell)) prices.push_back({orig, dest, day, Cents{amount}});
      }
      if (prices.size() < prices_at_a_time) continue;
      sink(prices);
      prices.clear();
    }
  });
  if (!prices.empty()) sink(prices);
}

Snapshot empty_book() { return Loader().finish(0, Digest{}, std::make_shared<const PlaceTree>()); }

Result<Snapshot> apply(const Snapshot& before, Change change) {
  if (before->parts().era->next) return book::apply(copy_of(*before), std::move(change));
  const Book::Parts& parts = before->parts();
  std::vector<Key> scratch;
  const std::vector<Key> added = sorted_keys(std::move(change.added), scratch);
  const std::vector<Key> removed = sorted_keys(std::move(change.removed), scratch);
  if (removed.size() > parts.price_count + added.size()) {
    return fail(Failure::damaged, "more prices are to be removed than stand in the book: load it anew from the store");
  }
  const KeyChanges changes{added, removed};
  const std::uint64_t price_count = parts.price_count + added.size() - removed.size();

  Edit edit;
  const Result<Tree> tree = changes.empty() ? parts.tree() : change_tree(parts.tree(), changes, edit);
  if (!tree) return std::unexpected(tree.error());
  const bool places_changed = change.places != nullptr;
  auto places = places_changed ? change.places : parts.places;
  auto place_index = places_changed ? std::make_shared<const PlaceIndex>(*places) : parts.place_index;
  Sums sums = next_sums(parts, *place_index, places_changed, *tree, changes, price_count, edit);

  auto* next = new Era(*tree, std::move(sums));
  EraHandle handle(next);
  next->owners.fetch_add(1, std::memory_order_relaxed);  // by the era before, and by the snapshot
  parts.era->next = next;
  const std::size_t node_bytes = edit.bytes_after(parts.node_bytes);
  parts.era->retired = edit.keep();
  return std::make_shared<const Book>(std::make_unique<const Book::Parts>(change.version, change.chain,
                                                                          std::move(places), std::move(place_index),
                                                                          price_count, node_bytes, std::move(handle)));
}

}  // namespace ratebook::book
