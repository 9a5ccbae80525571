#include "book/price_run.hpp"

#include <algorithm>

namespace ratebook::book {

void PriceRun::clear() {
  amounts_.clear();
  cell_days_.clear();
  cell_ends_.clear();
}

void PriceRun::append(Item item) {
  amounts_.push_back(item_cents(item));
  const auto end = static_cast<std::uint32_t>(amounts_.size());
  if (!cell_days_.empty() && cell_days_.back() == item_day(item)) {
    cell_ends_.back() = end;
    return;
  }
  cell_days_.push_back(item_day(item));
  cell_ends_.push_back(end);
}

void PriceRun::append(const Leaf& leaf, LeafPosition from, LeafPosition to) {
  if (from.price == to.price) return;
  const std::size_t shift = amounts_.size() - from.price;  // of ends; may wrap around below zero
  const auto amounts = leaf.amounts().subspan(from.price, to.price - from.price);
  amounts_.insert(amounts_.end(), amounts.begin(), amounts.end());
  if (!cell_days_.empty() && cell_days_.back() == leaf.day(from.cell)) {
    cell_days_.pop_back();  // that cell goes on
    cell_ends_.pop_back();
  }
  const std::size_t cell_end = to.price > leaf.cell_begin(to.cell) ? to.cell + 1 : to.cell;
  const std::size_t cells = cell_end - from.cell;
  const std::size_t before = cell_days_.size();
  cell_days_.resize(before + cells);
  cell_ends_.resize(before + cells);
  for (std::size_t i = 0; i < cells; ++i) {
    cell_days_[before + i] = leaf.day(from.cell + i);
    cell_ends_[before + i] = static_cast<std::uint32_t>(leaf.cell_end(from.cell + i) + shift);
  }
  cell_ends_.back() = static_cast<std::uint32_t>(amounts_.size());
}

void PriceRun::cut(Edit& edit, std::vector<Route::Entry>& leaves) const {
  const std::span<const std::uint32_t> ends{cell_ends_};
  std::size_t begin = 0;
  std::size_t cell = 0;
  while (begin < size()) {
    // Equal shares of what is left, so that no leaf comes out nearly empty.
    const std::size_t left = size() - begin;
    const std::size_t leaf_count = left <= leaf_prices_max ? 1 : (left + leaf_prices_aim - 1) / leaf_prices_aim;
    std::size_t end = begin + (left + leaf_count - 1) / leaf_count;
    auto cell_end = static_cast<std::size_t>(std::ranges::lower_bound(ends.subspan(cell), end) - ends.begin()) + 1;
    while (cell_days_[cell_end - 1] - cell_days_[cell] >= leaf_days_max) end = ends[--cell_end - 1];

    const LeafContent content{.amounts = std::span(amounts_).subspan(begin, end - begin),
                              .days = std::span(cell_days_).subspan(cell, cell_end - cell),
                              .ends = ends.subspan(cell, cell_end - cell),
                              .begin = begin};
    const Item first = static_cast<Item>(cell_days_[cell]) << 32 | amounts_[begin];
    leaves.push_back({first, edit.make<Leaf>(content)});
    begin = end;
    cell = ends[cell_end - 1] == end ? cell_end : cell_end - 1;
  }
}

}  // namespace ratebook::book
