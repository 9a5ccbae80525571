// The pieces that the book is made of: sorting, selecting, searching, cutting into leaves, freeing.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <random>

#include "book/branch.hpp"
#include "book/brute_force.hpp"
#include "book/leaf.hpp"
#include "book/percentile.hpp"
#include "book/price_run.hpp"
#include "book/tree.hpp"
#include "book/wide_pairs.hpp"
#include "model/radix_sort.hpp"

namespace ratebook::book {
namespace {

RC_GTEST_PROP(RadixSort, sorts_keys_by_route_first, (std::uint64_t seed)) {
  std::mt19937_64 random(seed);
  std::vector<Key> keys(random() % 2000);
  for (Key& key : keys) key = {random() % 5 << 32 | random() % 300, random() % 70'000 << 32 | random() % 3};
  std::vector<Key> wanted = keys;
  std::ranges::sort(wanted);
  std::vector<Key> scratch;
  radix_sort(std::span(keys), scratch);
  RC_ASSERT(keys == wanted);
}

TEST(Percentile, is_that_of_percentile_cont) {
  // select percentile_cont(p) within group (order by v) from unnest(array[10, 20, 40, 80]) v, in PostgreSQL
  const std::vector<std::uint32_t> sorted{10, 20, 40, 80};
  EXPECT_DOUBLE_EQ(percentile_of_sorted(sorted, 0.0), 10);
  EXPECT_DOUBLE_EQ(percentile_of_sorted(sorted, 0.25), 17.5);
  EXPECT_DOUBLE_EQ(percentile_of_sorted(sorted, 0.5), 30);
  EXPECT_DOUBLE_EQ(percentile_of_sorted(sorted, 0.9), 68);
  EXPECT_DOUBLE_EQ(percentile_of_sorted(sorted, 1.0), 80);
  EXPECT_DOUBLE_EQ(percentile_of_sorted(std::vector<std::uint32_t>{7}, 0.3), 7);
}

RC_GTEST_PROP(Percentile, is_selected_as_from_sorted_values, (std::uint64_t seed)) {
  std::mt19937_64 random(seed);
  std::vector<std::uint32_t> values(1 + random() % 5000);
  const std::uint64_t spread = std::array<std::uint64_t, 4>{1, 100, 5000, 2'000'000'000}[random() % 4];
  for (std::uint32_t& value : values) value = static_cast<std::uint32_t>(7 + random() % spread);
  // An outlier leaves all other values in one bucket.
  if (random() % 2 == 0) values[random() % values.size()] = 2'000'000'000;
  std::vector<double> percentiles{0.8, 0.2, 0.5};
  for (std::uint64_t i = random() % 4; i > 0; --i) percentiles.push_back(static_cast<double>(random() % 101) / 100);
  std::vector<std::uint32_t> sorted = values;
  std::ranges::sort(sorted);
  std::vector<double> wanted;
  for (const double p : percentiles) wanted.push_back(testing::percentile(sorted, p));
  PercentileSelector selector(percentiles);
  std::vector<std::uint32_t> again = values;
  RC_ASSERT(selector.select(values) == wanted);
  std::ranges::shuffle(again, random);
  RC_ASSERT(selector.select(again) == wanted);
}

using Numbers = Branch<std::uint32_t, std::uint32_t>;

RC_GTEST_PROP(Branch, finds_every_key_and_no_other, (std::uint64_t seed)) {
  std::mt19937_64 random(seed);
  const std::uint64_t spread = std::array<std::uint64_t, 3>{1, 3, 10'000}[random() % 3];
  std::vector<std::uint32_t> numbers{static_cast<std::uint32_t>(random() % 50)};
  for (std::uint64_t i = random() % 300; i > 0; --i) {
    numbers.push_back(numbers.back() + 1 + static_cast<std::uint32_t>(random() % spread));
  }
  std::vector<Numbers::Entry> entries;
  for (const std::uint32_t& number : numbers) entries.push_back({number, &number});
  const Numbers* branch = Numbers::make(entries);
  const std::uint32_t end = std::min(numbers.back() + 5, 5000u);
  for (std::uint32_t key = 0; key < end; ++key) {
    const std::uint32_t* found = branch->find(key);
    RC_ASSERT((found ? *found == key : !std::ranges::binary_search(numbers, key)));
  }
  RC_ASSERT(*branch->find(numbers.back()) == numbers.back());
  RC_ASSERT(branch->find(UINT32_MAX) == nullptr);
  free_node(branch);
}

RC_GTEST_PROP(PriceRun, is_cut_into_leaves_that_keep_bounds_and_items, (std::uint64_t seed)) {
  std::mt19937_64 random(seed);
  std::vector<Item> items(1 + random() % 1500);
  const std::uint64_t days = std::array<std::uint64_t, 3>{1, 400, 65744}[random() % 3];
  for (Item& item : items) {
    item = make_item(Day{static_cast<std::int32_t>(random() % days)}, Cents{static_cast<std::uint32_t>(random() % 9)});
  }
  if (days == 65744) items.front() = make_item(day_min, Cents{1}), items.back() = make_item(day_max, Cents{1});
  std::ranges::sort(items);
  PriceRun run;
  for (const Item item : items) run.append(item);
  Edit edit;
  std::vector<Route::Entry> leaves;
  run.cut(edit, leaves);
  std::vector<Item> joined;
  PriceRun again;
  for (const auto& [key, leaf] : leaves) {
    RC_ASSERT(leaf->price_count() >= 1u);
    RC_ASSERT(leaf->price_count() <= leaf_prices_max);
    RC_ASSERT(leaf->item({0, 0}) == key);
    for (std::size_t cell = 0; cell < leaf->cell_count(); ++cell) {
      for (std::size_t i = leaf->cell_begin(cell); i < leaf->cell_end(cell); ++i) {
        joined.push_back(leaf->item({cell, i}));
        const LeafPosition found = leaf->lower_bound(joined.back());
        RC_ASSERT(leaf->item(found) == joined.back());
        RC_ASSERT((found.price == 0 || leaf->amounts()[found.price - 1] != leaf->amounts()[found.price] ||
                   leaf->cell_begin(found.cell) == found.price));
      }
    }
    // Copied in two pieces, a leaf is still the same.
    const LeafPosition middle = leaf->lower_bound(items[random() % items.size()]);
    again.append(*leaf, {0, 0}, middle);
    again.append(*leaf, middle, leaf->end());
  }
  RC_ASSERT(joined == items);
  std::vector<Route::Entry> leaves_again;
  again.cut(edit, leaves_again);
  RC_ASSERT(leaves_again.size() == leaves.size());
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    RC_ASSERT(leaves_again[i].key == leaves[i].key);
    RC_ASSERT(std::ranges::equal(leaves_again[i].child->amounts(), leaves[i].child->amounts()));
  }
}

TEST(WidePairs, are_those_over_many_routes) {
  // Ports 0..19 in region 1, 20..39 in region 2, both in region 0; a price from every port to every other.
  PlacesDocument places;
  places.regions = {{"all", "All", ""}, {"one", "One", "all"}, {"two", "Two", "all"}, {"none", "None", "two"}};
  std::vector<Key> keys;
  for (PortNumber orig = 0; orig < 40; ++orig) {
    places.ports.push_back({"XX" + std::to_string(100 + orig), "Port", orig < 20 ? "one" : "two", false});
    for (PortNumber dest = 0; dest < 40; ++dest) {
      if (orig != dest && (orig < 20 || dest < 10)) keys.push_back({route_id(orig, dest), 1});
    }
  }
  const PlaceIndex index{PlaceTree{places}};
  Edit edit;
  const Tree tree = *change_tree({}, {keys, {}}, edit);
  const WidePairs pairs(tree, index, 100, 1);
  EXPECT_EQ(pairs.size(), 6u);  // all-all 980, all-one 580, all-two 400, one-all 780, one-one 380, one-two 400
  EXPECT_TRUE(pairs.find(0, 0).has_value());
  EXPECT_TRUE(pairs.find(1, 1).has_value());
  EXPECT_FALSE(pairs.find(2, 1).has_value());  // 200
  EXPECT_FALSE(pairs.find(3, 3).has_value());
  std::vector<std::uint32_t> numbers;
  pairs.append_of_route(index, 25, 3, numbers);
  EXPECT_EQ(numbers.size(), 2u);  // all, all-one
  const WidePairs few(tree, index, 2, 1);
  EXPECT_EQ(few.size(), 2u);
  EXPECT_TRUE(few.find(0, 0).has_value());
}

}  // namespace
}  // namespace ratebook::book
