// A leaf: some hundred consecutive prices of one route, sorted by day and amount.
//
//   first day | prices | cells | amount, amount, … | day offset of a cell, … | end of a cell, …
//                                 4 bytes a price     2 bytes a cell            2 bytes a cell
//
// A cell is all prices of the leaf that stand on one day, so its minimum and maximum are its first and last.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "book/item.hpp"

namespace ratebook::book {

/// A leaf never holds more; a fuller one is split. Small enough that rewriting it costs about as much as fetching it.
inline constexpr std::size_t leaf_prices_max = 224;
/// What a split and the loader aim at.
inline constexpr std::size_t leaf_prices_aim = 128;
/// A leaf that falls below it is joined with the next.
inline constexpr std::size_t leaf_prices_min = 48;
/// Days are kept as offsets of two bytes.
inline constexpr std::uint32_t leaf_days_max = 65536;

class Leaf {
 public:
  /// 1..leaf_prices_max items, ascending, within leaf_days_max days.
  static Leaf* make(std::span<const Item> items);

  std::size_t bytes() const { return bytes(price_count_, cell_count_); }
  std::size_t price_count() const { return price_count_; }
  std::size_t cell_count() const { return cell_count_; }
  std::span<const std::uint32_t> amounts() const {
    return {reinterpret_cast<const std::uint32_t*>(this + 1), price_count_};
  }
  std::uint32_t day(std::size_t cell) const { return first_day_ + day_offsets()[cell]; }
  std::uint32_t last_day() const { return day(cell_count_ - 1u); }
  /// The amounts of a cell, ascending.
  std::span<const std::uint32_t> cell(std::size_t cell) const {
    const std::size_t begin = cell == 0 ? 0 : cell_ends()[cell - 1];
    return amounts().subspan(begin, cell_ends()[cell] - begin);
  }
  /// The first cell of that day or a later one; cell_count() if there is none.
  std::size_t first_cell_from(std::uint32_t day) const;
  void append_to(std::vector<Item>& items) const;

 private:
  Leaf(std::uint32_t first_day, std::size_t price_count, std::size_t cell_count);
  static constexpr std::size_t bytes(std::size_t prices, std::size_t cells) {
    return sizeof(Leaf) + 4 * prices + 4 * cells;
  }
  std::span<const std::uint16_t> day_offsets() const {
    return {reinterpret_cast<const std::uint16_t*>(amounts().data() + price_count_), cell_count_};
  }
  std::span<const std::uint16_t> cell_ends() const { return {day_offsets().data() + cell_count_, cell_count_}; }

  std::uint32_t first_day_;
  std::uint16_t price_count_;
  std::uint16_t cell_count_;
};

}  // namespace ratebook::book
