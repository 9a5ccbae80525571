// A price inside its route: day and amount in one number that sorts as they do.
#pragma once
#include <cstdint>

#include "model/cents.hpp"
#include "model/day.hpp"
#include "model/radix_sort.hpp"

namespace ratebook::book {

using Item = std::uint64_t;  ///< day since 1970 << 32 | cents

constexpr Item make_item(Day day, Cents amount) {
  return static_cast<Item>(static_cast<std::uint32_t>(day.since_1970)) << 32 | amount.value;
}
constexpr std::uint32_t item_day(Item item) { return static_cast<std::uint32_t>(item >> 32); }
constexpr std::uint32_t item_cents(Item item) { return static_cast<std::uint32_t>(item); }

/// A price anywhere in the book.
struct Key {
  std::uint64_t route = 0;  ///< origin << 32 | destination
  Item item = 0;

  auto operator<=>(const Key&) const = default;
};

}  // namespace ratebook::book

namespace ratebook {

template <>
struct Digits<book::Key> {
  static constexpr std::size_t count = 16;
  static std::uint8_t get(const book::Key& key, std::size_t digit) {
    return Digits<std::uint64_t>::get(digit < 8 ? key.item : key.route, digit % 8);
  }
};

}  // namespace ratebook
