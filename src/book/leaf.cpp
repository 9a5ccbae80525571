#include "book/leaf.hpp"

#include <algorithm>
#include <new>

namespace ratebook::book {
namespace {

std::size_t count_cells(std::span<const Item> items) {
  std::size_t count = 1;
  for (std::size_t i = 1; i < items.size(); ++i) count += item_day(items[i]) != item_day(items[i - 1]);
  return count;
}

}  // namespace

Leaf::Leaf(std::uint32_t first_day, std::size_t price_count, std::size_t cell_count)
    : first_day_(first_day),
      price_count_(static_cast<std::uint16_t>(price_count)),
      cell_count_(static_cast<std::uint16_t>(cell_count)) {}

Leaf* Leaf::make(std::span<const Item> items) {
  const std::size_t cell_count = count_cells(items);
  auto* leaf =
      new (::operator new(bytes(items.size(), cell_count))) Leaf(item_day(items.front()), items.size(), cell_count);
  auto* amounts = reinterpret_cast<std::uint32_t*>(leaf + 1);
  auto* day_offset = reinterpret_cast<std::uint16_t*>(amounts + items.size());
  auto* cell_end = day_offset + cell_count;
  for (std::size_t i = 0; i < items.size(); ++i) amounts[i] = item_cents(items[i]);
  for (std::size_t i = 1; i <= items.size(); ++i) {
    if (i < items.size() && item_day(items[i]) == item_day(items[i - 1])) continue;
    *day_offset++ = static_cast<std::uint16_t>(item_day(items[i - 1]) - leaf->first_day_);
    *cell_end++ = static_cast<std::uint16_t>(i);
  }
  return leaf;
}

std::size_t Leaf::first_cell_from(std::uint32_t day) const {
  if (day <= first_day_) return 0;
  const std::span<const std::uint16_t> offsets = day_offsets();
  return static_cast<std::size_t>(std::ranges::lower_bound(offsets, day - first_day_) - offsets.begin());
}

void Leaf::append_to(std::vector<Item>& items) const {
  const std::size_t before = items.size();
  items.resize(before + price_count_);
  Item* out = items.data() + before;
  for (std::size_t i = 0; i < cell_count_; ++i) {
    const Item day_bits = static_cast<Item>(day(i)) << 32;
    for (const std::uint32_t amount : cell(i)) *out++ = day_bits | amount;
  }
}

}  // namespace ratebook::book
