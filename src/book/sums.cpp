#include "book/sums.hpp"

#include <algorithm>

#include "model/turns.hpp"

namespace ratebook::book {
namespace {

/// New chunks for the days that change, copied from those before at the first touch.
class SumsEditor {
 public:
  SumsEditor(std::vector<const DaySums*> before, std::uint32_t first_day, std::uint32_t last_day, Edit& edit)
      : days_(std::move(before)),
        first_chunk_(first_day / sum_chunk_days),
        width_(last_day / sum_chunk_days - first_chunk_ + 1),
        chunks_(days_.size() * width_),
        edit_(edit) {}

  /// Differences are taken modulo 2^64 and 2^32, so that they may be negative.
  void add(std::uint32_t number, std::uint32_t day, std::uint64_t sum_cents, std::uint32_t count) {
    SumChunk& into = chunk(number, day / sum_chunk_days);
    into.sum_cents[day % sum_chunk_days] += sum_cents;
    into.counts[day % sum_chunk_days] += count;
  }

  void add(std::uint32_t number, std::uint32_t key, const SumChunk& more) {
    SumChunk& into = chunk(number, key);
    for (std::size_t i = 0; i < sum_chunk_days; ++i) into.sum_cents[i] += more.sum_cents[i];
    for (std::size_t i = 0; i < sum_chunk_days; ++i) into.counts[i] += more.counts[i];
  }

  std::vector<const DaySums*> finish() {
    for (std::size_t number = 0; number < days_.size(); ++number) finish(number);
    return std::move(days_);
  }

 private:
  SumChunk& chunk(std::uint32_t number, std::uint32_t key) {
    SumChunk*& chunk = chunks_[number * width_ + key - first_chunk_];
    if (!chunk) chunk = edit_.make<SumChunk>(days_[number] ? days_[number]->find(key) : nullptr);
    return *chunk;
  }

  void finish(std::size_t number) {
    entries_.clear();
    for (std::uint32_t column = 0; column < width_; ++column) {
      const SumChunk* chunk = chunks_[number * width_ + column];
      if (!chunk) continue;
      const std::uint32_t key = first_chunk_ + column;
      if (const SumChunk* old = days_[number] ? days_[number]->find(key) : nullptr) edit_.retire(old);
      if (chunk->is_empty()) edit_.retire(chunk);
      entries_.push_back({key, chunk->is_empty() ? nullptr : chunk});
    }
    if (!entries_.empty()) days_[number] = change_branch<DaySums>(days_[number], entries_, edit_);
  }

  std::vector<const DaySums*> days_;
  std::uint32_t first_chunk_;
  std::uint32_t width_;
  std::vector<SumChunk*> chunks_;  ///< a row a number, a column a chunk; nullptr: not touched
  std::vector<DaySums::Entry> entries_;
  Edit& edit_;
};

std::pair<std::uint32_t, std::uint32_t> day_span(KeyChanges changes) {
  std::uint32_t first = UINT32_MAX;
  std::uint32_t last = 0;
  for (const std::span<const Key> keys : {changes.added, changes.removed}) {
    for (const Key& key : keys) {
      first = std::min(first, item_day(key.item));
      last = std::max(last, item_day(key.item));
    }
  }
  return {first, last};
}

/// Adds a route's prices to the sums of `numbers`.
void add_route(const Route& route, std::span<const std::uint32_t> numbers, SumsEditor& editor) {
  for (const Leaf* leaf : route.children()) {
    for (std::size_t cell = 0; cell < leaf->cell_count(); ++cell) {
      std::uint64_t sum = 0;
      for (const std::uint32_t amount : leaf->cell(cell)) sum += amount;
      const auto count = static_cast<std::uint32_t>(leaf->cell(cell).size());
      for (const std::uint32_t number : numbers) editor.add(number, leaf->day(cell), sum, count);
    }
  }
}

void retire_days(const DaySums* days, Edit& edit) {
  if (!days) return;
  for (const SumChunk* chunk : days->children()) edit.retire(chunk);
  edit.retire(days);
}

/// Wide pairs may take a byte a price, and a few megabytes where there are few prices.
std::size_t pairs_max(std::size_t chunk_count, std::size_t price_count) {
  constexpr std::size_t bytes_min = 16 << 20;
  return std::max(bytes_min, price_count) / (chunk_count * heap_bytes(sizeof(SumChunk)));
}

}  // namespace

Sums change_sums(const Sums& before, const PlaceIndex& places, KeyChanges changes, Edit& edit) {
  if (changes.empty()) return before;
  const auto [first, last] = day_span(changes);
  SumsEditor editor(before.days, first, last, edit);
  std::vector<std::uint32_t> numbers;
  const auto route_of = [](const Key& key) { return key.route; };
  std::size_t routes = 0;
  for_each_group(changes, route_of, [&](std::uint64_t route, KeyChanges of_route) {
    if (++routes % routes_a_turn == 0) let_others_run();
    numbers.assign(1, sums_of_all);
    before.pairs->append_of_route(places, route_orig(route), route_dest(route), numbers);
    for (const std::uint32_t number : numbers) {
      for (const Key& key : of_route.added) editor.add(number, item_day(key.item), item_cents(key.item), 1);
      for (const Key& key : of_route.removed) {
        editor.add(number, item_day(key.item), -std::uint64_t{item_cents(key.item)}, UINT32_MAX);
      }
    }
  });
  return Sums{before.pairs, editor.finish()};
}

Sums add_sums(const Sums& before, const Sums& more, Edit& edit) {
  const DaySums* all = more.days[sums_of_all];
  if (!all) return before;
  SumsEditor editor(before.days, all->keys().front() * sum_chunk_days, all->keys().back() * sum_chunk_days, edit);
  for (std::uint32_t number = 0; number < more.days.size(); ++number) {
    const DaySums* days = more.days[number];
    for (std::size_t i = 0; days && i < days->size(); ++i) editor.add(number, days->keys()[i], *days->children()[i]);
    let_others_run();
  }
  return Sums{before.pairs, editor.finish()};
}

Sums add_tree(const Sums& before, const PlaceIndex& places, const Tree& tree, Edit& edit) {
  std::uint32_t first = UINT32_MAX;
  std::uint32_t last = 0;
  for_each_route(tree, [&](PortNumber, PortNumber, const Route& route) {
    first = std::min(first, item_day(route.keys().front()));
    last = std::max(last, route.children().back()->last_day());
  });
  if (first > last) return before;
  SumsEditor editor(before.days, first, last, edit);
  std::vector<std::uint32_t> numbers;
  for_each_route(tree, [&](PortNumber orig, PortNumber dest, const Route& route) {
    let_others_run();
    numbers.assign(1, sums_of_all);
    before.pairs->append_of_route(places, orig, dest, numbers);
    add_route(route, numbers, editor);
  });
  return Sums{before.pairs, editor.finish()};
}

Sums choose_sums(const Sums& before, const PlaceIndex& places, const Tree& tree, std::size_t price_count, Edit& edit) {
  const auto days = first_and_last_day(before.days[sums_of_all]);
  if (!days) return before;
  const std::size_t chunk_count = before.days[sums_of_all]->size();
  const auto pairs = std::make_shared<const WidePairs>(tree, places, pairs_max(chunk_count, price_count), chunk_count);
  const auto numbers_before = pairs->numbers_in(*before.pairs);
  std::vector<const DaySums*> kept(pairs->size() + 1);
  std::vector<const DaySums*> left = before.days;
  for (std::size_t number = 0; number < kept.size(); ++number) {
    if (numbers_before[number]) kept[number] = std::exchange(left[*numbers_before[number]], nullptr);
  }
  for (const DaySums* sums : left) retire_days(sums, edit);

  SumsEditor editor(std::move(kept), days->first, days->second, edit);
  std::vector<std::uint32_t> numbers;
  for_each_route(tree, [&](PortNumber orig, PortNumber dest, const Route& route) {
    let_others_run();
    numbers.clear();
    pairs->append_of_route(places, orig, dest, numbers);
    std::erase_if(numbers, [&](std::uint32_t number) { return numbers_before[number].has_value(); });
    if (!numbers.empty()) add_route(route, numbers, editor);
  });
  return Sums{pairs, editor.finish()};
}

Sums without_pairs(const Sums& before, Edit& edit) {
  for (std::size_t number = sums_of_all + 1; number < before.days.size(); ++number) {
    retire_days(before.days[number], edit);
  }
  Sums sums;
  sums.days = {before.days[sums_of_all]};
  return sums;
}

std::optional<std::pair<std::uint32_t, std::uint32_t>> first_and_last_day(const DaySums* sums) {
  if (!sums) return std::nullopt;
  const auto has_prices = [](std::uint32_t count) { return count > 0; };
  const auto& first = sums->children().front()->counts;
  const auto& last = sums->children().back()->counts;
  const auto before = std::ranges::find_if(first, has_prices) - first.begin();
  const auto behind = std::find_if(last.rbegin(), last.rend(), has_prices) - last.rbegin();
  return std::pair{sums->keys().front() * sum_chunk_days + static_cast<std::uint32_t>(before),
                   sums->keys().back() * sum_chunk_days + sum_chunk_days - 1 - static_cast<std::uint32_t>(behind)};
}

void free_sums(const Sums& sums) {
  for (const DaySums* days : sums.days) {
    if (!days) continue;
    for (const SumChunk* chunk : days->children()) free_node(chunk);
    free_node(days);
  }
}

}  // namespace ratebook::book
