#include "book/leaf.hpp"

#include <algorithm>
#include <new>

namespace ratebook::book {

Leaf::Leaf(const LeafContent& content)
    : first_day_(content.days.front()),
      price_count_(static_cast<std::uint16_t>(content.amounts.size())),
      cell_count_(static_cast<std::uint16_t>(content.days.size())) {}

Leaf* Leaf::make(const LeafContent& content) {
  const std::size_t cell_count = content.days.size();
  auto* leaf = new (::operator new(bytes(content.amounts.size(), cell_count))) Leaf(content);
  auto* day_offsets = reinterpret_cast<std::uint16_t*>(leaf + 1);
  auto* cell_ends = day_offsets + cell_count;
  auto* amounts = reinterpret_cast<std::uint32_t*>(cell_ends + cell_count);
  const std::uint32_t first_day = content.days.front();
  for (std::size_t i = 0; i < cell_count; ++i) {
    day_offsets[i] = static_cast<std::uint16_t>(content.days[i] - first_day);
    cell_ends[i] = static_cast<std::uint16_t>(content.ends[i] - content.begin);
  }
  cell_ends[cell_count - 1] = leaf->price_count_;
  std::ranges::copy(content.amounts, amounts);
  return leaf;
}

std::size_t Leaf::first_cell_from(std::uint32_t day) const {
  if (day <= first_day_) return 0;
  const std::span<const std::uint16_t> offsets = day_offsets();
  return static_cast<std::size_t>(std::ranges::lower_bound(offsets, day - first_day_) - offsets.begin());
}

LeafPosition Leaf::lower_bound(Item item) const {
  const std::size_t at = first_cell_from(item_day(item));
  if (at == cell_count_ || day(at) != item_day(item)) return {at, cell_begin(at)};
  const std::span<const std::uint32_t> of_day = cell(at);
  const auto before = static_cast<std::size_t>(std::ranges::lower_bound(of_day, item_cents(item)) - of_day.begin());
  return {before == of_day.size() ? at + 1 : at, cell_begin(at) + before};
}

}  // namespace ratebook::book
