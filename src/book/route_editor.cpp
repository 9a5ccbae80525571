#include "book/route_editor.hpp"

#include <algorithm>
#include <cstddef>

#include "book/prefetch.hpp"

namespace ratebook::book {
namespace {

std::unexpected<Fault> missing(const Key& key) {
  return fail(Failure::damaged,
              "the price of " + format_cents(Cents{item_cents(key.item)}) + " USD on " +
                  format_day(Day{static_cast<std::int32_t>(item_day(key.item))}) + " from port number " +
                  std::to_string(route_orig(key.route)) + " to " + std::to_string(route_dest(key.route)) +
                  " is to be removed, but does not stand in the book: load the book anew from the store");
}

}  // namespace

void prefetch_leaves(const Route* route, const KeyChanges& changes) {
  if (!route) return;
  const std::span<const Item> keys = route->keys();
  for (const std::span<const Key> some : {changes.added, changes.removed}) {
    std::size_t last = keys.size();
    for (const Key& key : some) {
      const auto behind = static_cast<std::size_t>(std::ranges::upper_bound(keys, key.item) - keys.begin());
      const std::size_t leaf = behind == 0 ? 0 : behind - 1;
      if (leaf != last) prefetch_leaf(route->children()[leaf]);
      last = leaf;
    }
  }
}

bool RouteEditor::touches(Border border) const {
  return adds_below(border) || removes_up_to(border) || pending_.size() > 0;
}

void RouteEditor::take_below(const Leaf* leaf, LeafPosition& position, Item item) {
  if (!leaf) return;
  const LeafPosition end = leaf->lower_bound(item);
  if (end.price <= position.price) return;  // not back to equal ones that were removed
  pending_.append(*leaf, position, end);
  position = end;
}

bool RouteEditor::merge(const Leaf* leaf, Border border) {
  LeafPosition position;
  while (true) {
    const bool adds = adds_below(border);
    const bool removes = removes_up_to(border);
    if (!adds && !removes) break;
    if (adds && removes && added_.front().item == removed_.front().item) {
      added_ = added_.subspan(1);  // one takes the other away
      removed_ = removed_.subspan(1);
    } else if (adds && (!removes || added_.front().item < removed_.front().item)) {
      take_below(leaf, position, added_.front().item);
      pending_.append(added_.front().item);
      added_ = added_.subspan(1);
    } else {
      const Item item = removed_.front().item;
      take_below(leaf, position, item);
      if (!leaf || position.cell == leaf->cell_count() || leaf->item(position) != item) {
        if (!border.none && item == border.next) break;  // it stands in the next leaf
        return false;
      }
      if (++position.price == leaf->cell_end(position.cell)) ++position.cell;
      removed_ = removed_.subspan(1);
    }
  }
  if (leaf) pending_.append(*leaf, position, leaf->end());
  return true;
}

Result<const Route*> RouteEditor::change(const Route* before, KeyChanges changes) {
  added_ = changes.added;
  removed_ = changes.removed;
  leaves_.clear();
  const std::size_t leaf_count = before ? before->size() : 0;
  for (std::size_t i = 0; i < std::max<std::size_t>(leaf_count, 1); ++i) {
    const bool is_last = i + 1 >= leaf_count;
    const Border border{is_last, is_last ? 0 : before->keys()[i + 1]};
    if (!touches(border)) {
      leaves_.push_back({before->keys()[i], before->children()[i]});
      continue;
    }
    const Leaf* leaf = before ? before->children()[i] : nullptr;
    if (!merge(leaf, border)) return missing(removed_.front());
    if (leaf) edit_.retire(leaf);
    if (pending_.size() < leaf_prices_min && !is_last) continue;  // joined with the next leaf
    pending_.cut(edit_, leaves_);
    pending_.clear();
  }
  if (before) edit_.retire(before);
  if (leaves_.empty()) return nullptr;
  return edit_.make<Route>(std::span<const Route::Entry>(leaves_));
}

}  // namespace ratebook::book
