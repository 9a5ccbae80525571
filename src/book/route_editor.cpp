#include "book/route_editor.hpp"

#include <algorithm>

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

bool RouteEditor::touches(Border border) const {
  return adds_below(border) || removes_up_to(border) || !pending_.empty();
}

bool RouteEditor::merge(std::span<const Item> leaf, Border border) {
  const auto take_until = [&](auto end) {
    const auto count = static_cast<std::size_t>(end - leaf.begin());
    pending_.insert(pending_.end(), leaf.begin(), end);
    leaf = leaf.subspan(count);
  };
  while (true) {
    const bool adds = adds_below(border);
    const bool removes = removes_up_to(border);
    if (!adds && !removes) break;
    if (adds && removes && added_.front().item == removed_.front().item) {
      added_ = added_.subspan(1);  // one takes the other away
      removed_ = removed_.subspan(1);
    } else if (adds && (!removes || added_.front().item < removed_.front().item)) {
      take_until(std::ranges::upper_bound(leaf, added_.front().item));
      pending_.push_back(added_.front().item);
      added_ = added_.subspan(1);
    } else {
      const Item item = removed_.front().item;
      take_until(std::ranges::lower_bound(leaf, item));
      if (leaf.empty() || leaf.front() != item) {
        if (!border.none && item == border.next) break;  // it stands in the next leaf
        return false;
      }
      leaf = leaf.subspan(1);
      removed_ = removed_.subspan(1);
    }
  }
  take_until(leaf.end());
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
    opened_.clear();
    if (leaf_count > 0) {
      before->children()[i]->append_to(opened_);
      edit_.retire(before->children()[i]);
    }
    if (!merge(opened_, border)) return missing(removed_.front());
    if (pending_.size() < leaf_prices_min && !is_last) continue;  // joined with the next leaf
    make_leaves(pending_, edit_, leaves_);
    pending_.clear();
  }
  if (before) edit_.retire(before);
  if (leaves_.empty()) return nullptr;
  return edit_.make<Route>(std::span<const Route::Entry>(leaves_));
}

}  // namespace ratebook::book
