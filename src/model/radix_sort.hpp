// Sorts prices by their bytes (LSD radix sort: Knuth, The Art of Computer Programming 3, 5.2.5): they come by the
// million, and most of their bytes are equal.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "model/price.hpp"
#include "model/turns.hpp"

namespace ratebook {

/// The bytes of a value, least significant first.
template <class T>
struct Digits;

template <>
struct Digits<std::uint64_t> {
  static constexpr std::size_t count = 8;
  static std::uint8_t get(std::uint64_t value, std::size_t digit) {
    return static_cast<std::uint8_t>(value >> (8 * digit));
  }
};

template <>
struct Digits<NumberedPrice> {
  static constexpr std::size_t count = 16;
  static std::uint8_t get(const NumberedPrice& price, std::size_t digit) {
    constexpr std::uint32_t sign = 1u << 31;  // days before 1970 come first
    const std::array words{price.amount.value, static_cast<std::uint32_t>(price.day.since_1970) ^ sign, price.dest,
                           price.orig};
    return static_cast<std::uint8_t>(words[digit / 4] >> (8 * (digit % 4)));
  }
};

/// fn(value) for each value; others run now and then.
template <class T, class Fn>
void for_each_in_turns(std::span<const T> values, Fn fn) {
  constexpr std::size_t values_a_turn = 4096;
  for (; !values.empty(); values = values.subspan(std::min(values_a_turn, values.size()))) {
    for (const T& value : values.first(std::min(values_a_turn, values.size()))) fn(value);
    let_others_run();
  }
}

/// Ascending. `scratch` is only memory that several calls may share.
template <class T>
void radix_sort(std::span<T> values, std::vector<T>& scratch) {
  if (std::ranges::is_sorted(values)) return;
  // Below this the histograms cost more than comparing does.
  if (values.size() < 256) {
    std::ranges::sort(values);
    return;
  }
  std::array<std::array<std::size_t, 256>, Digits<T>::count> counts{};
  for_each_in_turns(std::span<const T>{values}, [&counts](const T& value) {
    for (std::size_t digit = 0; digit < Digits<T>::count; ++digit) ++counts[digit][Digits<T>::get(value, digit)];
  });
  if (scratch.size() < values.size()) scratch.resize(values.size());
  std::span<T> from = values;
  std::span<T> to{scratch.data(), values.size()};
  for (std::size_t digit = 0; digit < Digits<T>::count; ++digit) {
    auto& starts = counts[digit];
    if (starts[Digits<T>::get(values.front(), digit)] == values.size()) continue;
    std::size_t start = 0;
    for (std::size_t& count : starts) start += std::exchange(count, start);
    for_each_in_turns(std::span<const T>{from},
                      [&](const T& value) { to[starts[Digits<T>::get(value, digit)]++] = value; });
    std::swap(from, to);
  }
  if (from.data() != values.data()) std::ranges::copy(from, values.begin());
}

}  // namespace ratebook
