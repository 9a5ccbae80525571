// A leaf: some hundred consecutive prices of one route, sorted by day and amount.
//
//   first day | prices | cells | day offset of a cell, … | end of a cell, … | amount, amount, …
//       8 bytes in all            2 bytes a cell            2 bytes a cell     4 bytes a price
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

/// Ascending prices of one route, cut to what a leaf can hold.
struct LeafContent {
  std::span<const std::uint32_t> amounts;
  std::span<const std::uint32_t> days;  ///< of the cells
  std::span<const std::uint32_t> ends;  ///< of the cells; the last may go on in the next leaf
  std::size_t begin = 0;                ///< where `ends` has the first amount
};

/// A place before a price of a leaf, or behind the last: then `cell` is cell_count().
struct LeafPosition {
  std::size_t cell = 0;
  std::size_t price = 0;
};

class Leaf {
 public:
  /// 1..leaf_prices_max prices within leaf_days_max days.
  static Leaf* make(const LeafContent& content);

  std::size_t bytes() const { return bytes(price_count_, cell_count_); }
  std::size_t price_count() const { return price_count_; }
  std::size_t cell_count() const { return cell_count_; }
  std::span<const std::uint32_t> amounts() const {
    return {reinterpret_cast<const std::uint32_t*>(cell_ends().data() + cell_count_), price_count_};
  }
  std::uint32_t day(std::size_t cell) const { return first_day_ + day_offsets()[cell]; }
  std::uint32_t last_day() const { return day(cell_count_ - 1u); }
  std::size_t cell_begin(std::size_t cell) const { return cell == 0 ? 0 : cell_ends()[cell - 1]; }
  std::size_t cell_end(std::size_t cell) const { return cell_ends()[cell]; }
  /// The amounts of a cell, ascending.
  std::span<const std::uint32_t> cell(std::size_t cell) const { return cells(cell, cell + 1); }
  /// The amounts of the cells begin..end-1.
  std::span<const std::uint32_t> cells(std::size_t begin, std::size_t end) const {
    return amounts().subspan(cell_begin(begin), cell_begin(end) - cell_begin(begin));
  }
  Item item(LeafPosition position) const {
    return static_cast<Item>(day(position.cell)) << 32 | amounts()[position.price];
  }

  /// The first cell of that day or a later one; cell_count() if there is none.
  std::size_t first_cell_from(std::uint32_t day) const;
  /// Before the first item that is not less.
  LeafPosition lower_bound(Item item) const;
  LeafPosition end() const { return {cell_count_, price_count_}; }

 private:
  explicit Leaf(const LeafContent& content);
  static constexpr std::size_t bytes(std::size_t prices, std::size_t cells) {
    return sizeof(Leaf) + 4 * prices + 4 * cells;
  }
  std::span<const std::uint16_t> day_offsets() const {
    return {reinterpret_cast<const std::uint16_t*>(this + 1), cell_count_};
  }
  std::span<const std::uint16_t> cell_ends() const { return {day_offsets().data() + cell_count_, cell_count_}; }

  std::uint32_t first_day_;
  std::uint16_t price_count_;
  std::uint16_t cell_count_;
};

}  // namespace ratebook::book
