#include "model/radix_sort.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <random>

namespace ratebook {
namespace {

template <class T>
void expect_sorted_as_std_sort_does(std::vector<T> values) {
  std::vector<T> wanted = values;
  std::ranges::sort(wanted);
  std::vector<T> scratch;
  radix_sort(std::span(values), scratch);
  RC_ASSERT(values == wanted);
}

RC_GTEST_PROP(RadixSort, sorts_numbers, (std::uint64_t seed)) {
  std::mt19937_64 random(seed);
  std::vector<std::uint64_t> numbers(random() % 2000);
  const std::uint64_t mask = std::array<std::uint64_t, 3>{0xFF, 0xFFFF00FF, ~0ull}[random() % 3];
  for (std::uint64_t& number : numbers) number = random() & mask;
  expect_sorted_as_std_sort_does(std::move(numbers));
}

RC_GTEST_PROP(RadixSort, sorts_prices_by_route_then_day_then_amount, (std::uint64_t seed)) {
  std::mt19937_64 random(seed);
  std::vector<NumberedPrice> prices(random() % 2000);
  const std::uint32_t ports = std::array{2u, 300u, 70'000u}[random() % 3];
  for (NumberedPrice& price : prices) {
    price = {static_cast<PortNumber>(random() % ports), static_cast<PortNumber>(random() % ports),
             Day{static_cast<std::int32_t>(random() % 1000) - 500}, Cents{static_cast<std::uint32_t>(random() % 300)}};
  }
  expect_sorted_as_std_sort_does(std::move(prices));
}

}  // namespace
}  // namespace ratebook
