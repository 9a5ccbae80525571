// The book against a plain list of prices: random sequences of changes, every version held checked again at the end.
#include "book/book.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <random>

#include "book/brute_force.hpp"
#include "book/parts.hpp"

namespace ratebook::book {
namespace {

using testing::Model;

constexpr PortNumber port_count = 40;

// Shapes of data, each of which strains another part of the book.
enum class Shape {
  long_cells,   // a route, two days, many exact duplicates: cells longer than a leaf
  one_route,    // a route, a hundred days
  many_routes,  // wide pairs of regions
  sparse,       // a few routes, days over the whole range, its ends included
  far_ports,    // port numbers that the places do not know, far apart
};

std::vector<NumberedPrice> random_prices(std::mt19937_64& random, Shape shape, std::size_t count) {
  const auto pick = [&random](std::uint32_t size) { return static_cast<std::uint32_t>(random() % size); };
  std::vector<NumberedPrice> prices;
  for (std::size_t i = 0; i < count; ++i) {
    NumberedPrice price{1, 2, Day{19000}, Cents{1 + pick(3)}};
    switch (shape) {
      case Shape::long_cells:
        price.day.since_1970 += static_cast<std::int32_t>(pick(2));
        break;
      case Shape::one_route:
        price.day.since_1970 += static_cast<std::int32_t>(pick(100));
        price.amount = Cents{1 + pick(cents_max.value)};
        break;
      case Shape::many_routes:
        price = {pick(port_count), pick(port_count), Day{19000 + static_cast<std::int32_t>(pick(70))},
                 Cents{1 + pick(1000)}};
        break;
      case Shape::sparse:
        price = {pick(3), pick(3), Day{static_cast<std::int32_t>(pick(65744))}, Cents{1 + pick(10)}};
        if (pick(4) == 0) price.day = pick(2) == 0 ? day_min : day_max;
        if (pick(4) == 0) price.amount = cents_max;
        break;
      case Shape::far_ports:
        price = {pick(5) * 24999, pick(50) * 1999, Day{19000 + static_cast<std::int32_t>(pick(5))}, Cents{1 + pick(9)}};
        break;
    }
    prices.push_back(price);
  }
  return prices;
}

/// Takes some of `prices` out: single ones, or all of a route, or all.
std::vector<NumberedPrice> take_some(std::mt19937_64& random, std::vector<NumberedPrice>& prices) {
  std::vector<NumberedPrice> taken;
  if (prices.empty()) return taken;
  const std::uint64_t way = random() % 8;
  const NumberedPrice one = prices[random() % prices.size()];
  std::erase_if(prices, [&](const NumberedPrice& price) {
    const bool is_taken = way == 0   ? true
                          : way == 1 ? price.orig == one.orig && price.dest == one.dest
                          : way == 2 ? price.orig == one.orig
                          : way == 3 ? price.day == one.day
                          : way < 6  ? random() % 2 == 0
                                     : random() % 50 == 0;
    if (is_taken) taken.push_back(price);
    return is_taken;
  });
  std::ranges::shuffle(taken, random);
  return taken;
}

RateQuery random_query(std::mt19937_64& random, const Model& model) {
  const auto place = [&](PortNumber of_price) {
    const std::size_t regions = model.places.regions.size();
    if (regions == 0 || random() % 3 == 0) return PlaceNumber{PlaceNumber::Kind::port, of_price};
    return PlaceNumber{PlaceNumber::Kind::region, static_cast<RegionNumber>(random() % regions)};
  };
  NumberedPrice near{1, 2, Day{19000}, Cents{1}};
  if (!model.prices.empty()) near = model.prices[random() % model.prices.size()];
  RateQuery query{place(near.orig), place(near.dest), near.day, near.day, random() % 2 == 0, {}};
  switch (random() % 4) {
    case 0:
      query.from = day_min, query.to = day_max;
      break;
    case 1:
      query.to.since_1970 += static_cast<std::int32_t>(random() % 40);
      break;
    case 2:
      query.from.since_1970 -= static_cast<std::int32_t>(random() % 40);
      break;
    default:
      query.to.since_1970 += static_cast<std::int32_t>(random() % 3) - 1;
  }
  if (random() % 2 == 0) query.percentiles = {0.2, 0.5, 0.8};
  if (random() % 4 == 0) query.percentiles = {1.0, static_cast<double>(random() % 1001) / 1000, 0.0};
  return query;
}

/// The bytes of all nodes of a snapshot, counted one by one.
std::size_t count_node_bytes(const Book& book) {
  std::size_t bytes = 0;
  const auto add = [&bytes](const auto& node) { bytes += heap_bytes(node.bytes()); };
  if (const Origins* origins = book.parts().tree().origins) {
    add(*origins);
    for (const Origin* origin : origins->children()) add(*origin);
  }
  for_each_route(book.parts().tree(), [&](PortNumber, PortNumber, const Route& route) {
    add(route);
    for (const Leaf* leaf : route.children()) add(*leaf);
  });
  for (const DaySums* days : book.parts().sums().days) {
    if (!days) continue;
    add(*days);
    for (const SumChunk* chunk : days->children()) add(*chunk);
  }
  return bytes;
}

void check(const Book& book, const Model& model, std::mt19937_64& random, int query_count) {
  std::vector<NumberedPrice> sorted = model.prices;
  std::ranges::sort(sorted);
  RC_ASSERT(testing::prices_of(book) == sorted);
  RC_ASSERT(book.price_count() == sorted.size());
  RC_ASSERT(book.parts().node_bytes == count_node_bytes(book));
  std::size_t route_count = 0;
  for_each_route(book.parts().tree(), [&](PortNumber, PortNumber, const Route&) { ++route_count; });
  RC_ASSERT(book.parts().tree().route_count == route_count);
  const auto day_of = [](const NumberedPrice& price) { return price.day; };
  RC_ASSERT(book.days().has_value() == !sorted.empty());
  if (!sorted.empty()) {
    const auto [first, last] = std::ranges::minmax(sorted, {}, day_of);
    RC_ASSERT(book.days()->first == first.day);
    RC_ASSERT(book.days()->second == last.day);
  }
  for (int i = 0; i < query_count; ++i) {
    const RateQuery query = random_query(random, model);
    RC_ASSERT(testing::difference(book.rates(query), testing::rates(model, query)) == "");
  }
  const PlaceNumber first_region{PlaceNumber::Kind::region, 0};
  if (model.places.regions.empty()) return;
  const RateQuery widest{first_region, first_region, day_min, day_max, false, {}};
  RC_ASSERT(testing::difference(book.rates(widest), testing::rates(model, widest)) == "");
}

struct Held {
  Snapshot book;
  Model model;
};

/// One random change of both; sometimes one that must be refused first.
Held step(const Held& before, std::mt19937_64& random, Version version) {
  Held after{nullptr, before.model};
  Change change{version, Digest{static_cast<std::uint8_t>(version)}, {}, {}, nullptr};
  if (random() % 4 > 0) change.removed = take_some(random, after.model.prices);
  const auto some_prices = [&random, &after] {
    const auto shape = static_cast<Shape>(random() % 5);
    auto prices = random_prices(random, shape, random() % (shape == Shape::many_routes ? 3000 : 700));
    after.model.prices.insert(after.model.prices.end(), prices.begin(), prices.end());
    return prices;
  };
  if (random() % 4 > 0) change.added = some_prices();
  for (std::uint64_t i = random() % 6; i < 2; ++i) {
    // Of the book that is changed, of one before, or of one with other places.
    const Snapshot newest = random() % 3 == 0 ? empty_book() : before.book;
    OverlayBuilder builder{*newest};
    for (std::uint64_t add = random() % 3; add < 3; ++add) builder.add(some_prices());
    change.overlays.push_back(builder.finish());
  }
  if (random() % 4 == 0) {
    for (const NumberedPrice& price : take_some(random, after.model.prices)) change.removed.push_back(price);
  }
  if (random() % 4 == 0) {
    after.model.places = testing::random_places(random, port_count, random() % 12);
    change.places = std::make_shared<const PlaceTree>(after.model.places);
  }
  if (random() % 4 == 0) {
    Change wrong = change;
    // One copy more than there is: the model that is left has none of them to spare.
    const NumberedPrice price = after.model.prices.empty() ? NumberedPrice{0, 1, Day{19000}, Cents{7}}
                                                           : after.model.prices[random() % after.model.prices.size()];
    const auto copies = std::ranges::count(after.model.prices, price);
    wrong.removed.insert(wrong.removed.end(), static_cast<std::size_t>(copies) + 1, price);
    const Result<Snapshot> refused = book::apply(before.book, std::move(wrong));
    RC_ASSERT(!refused.has_value());
    RC_ASSERT(refused.error().failure == Failure::damaged);
  }
  Result<Snapshot> next = book::apply(before.book, std::move(change));
  RC_ASSERT(next.has_value());
  after.book = std::move(*next);
  RC_ASSERT(after.book->version() == version);
  RC_ASSERT(after.book->chain() == Digest{static_cast<std::uint8_t>(version)});
  return after;
}

RC_GTEST_PROP(Book, answers_as_a_plain_list_of_prices_does_in_every_version_held, (std::uint64_t seed)) {
  std::mt19937_64 random(seed);
  std::vector<Held> held{{empty_book(), {}}};
  for (Version version = 1; version <= 8; ++version) {
    held.push_back(step(held.back(), random, version));
    check(*held.back().book, held.back().model, random, 10);
    while (held.back().book->is_to_merge() && random() % 4 > 0) {
      // The one before is held now and then.
      if (random() % 4 == 0) held.push_back(held.back());
      held.back().book = book::merge(held.back().book, random() % 2000);
      RC_ASSERT(held.back().book->version() == version);
      check(*held.back().book, held.back().model, random, 4);
    }
    // Not the newest: that is what the next is made of.
    if (random() % 3 == 0) held.erase(held.begin() + static_cast<std::ptrdiff_t>(random() % (held.size() - 1)));
  }
  std::ranges::shuffle(held, random);
  while (!held.empty()) {
    for (const Held& one : held) check(*one.book, one.model, random, 2);
    held.pop_back();
  }
}

RC_GTEST_PROP(Book, loads_prices_in_any_order, (std::uint64_t seed)) {
  std::mt19937_64 random(seed);
  Model model{{}, testing::random_places(random, port_count, 6)};
  const std::size_t part_count = 1 + random() % 3;
  Loader loader{part_count};
  for (int i = 0; i < 5; ++i) {
    const auto prices = random_prices(random, static_cast<Shape>(random() % 5), random() % 3000);
    loader.add(prices, random() % part_count);
    model.prices.insert(model.prices.end(), prices.begin(), prices.end());
  }
  const Snapshot book = loader.finish(7, Digest{1}, std::make_shared<const PlaceTree>(model.places));
  RC_ASSERT(book->version() == 7u);
  check(*book, model, random, 10);
  const Held next = step({book, model}, random, 8);
  check(*next.book, next.model, random, 10);
  check(*book, model, random, 2);
}

TEST(Book, overlays_of_many_slabs_are_merged_a_piece_at_a_time) {
  std::mt19937_64 random(7);
  constexpr std::size_t count = 3 * OverlayBuilder::slab_prices / 2;
  Model model{random_prices(random, Shape::many_routes, count), testing::random_places(random, port_count, 3)};
  Change first{1, Digest{}, random_prices(random, Shape::many_routes, 1000), {}, nullptr, {}};
  first.places = std::make_shared<const PlaceTree>(model.places);
  const auto small = first.added;
  Snapshot book = *book::apply(empty_book(), std::move(first));
  OverlayBuilder builder{*book};
  builder.add(model.prices);
  book =
      *book::apply(book, {.version = 2, .added = {}, .removed = {}, .places = nullptr, .overlays = {builder.finish()}});
  EXPECT_EQ(book->parts().beside.front().overlay->slabs().size(), 2u);
  model.prices.insert(model.prices.end(), small.begin(), small.end());
  std::size_t pieces = 0;
  for (; book->is_to_merge(); ++pieces) {
    EXPECT_EQ(book->price_count(), model.prices.size());
    book = book::merge(book, count / 8);
  }
  EXPECT_GE(pieces, 8u);
  std::ranges::sort(model.prices);
  EXPECT_EQ(testing::prices_of(*book), model.prices);
}

RC_GTEST_PROP(Book, wide_pairs_follow_prices_and_places, (std::uint64_t seed)) {
  std::mt19937_64 random(seed);
  const auto places = [&random] { return testing::random_places(random, port_count, 1 + random() % 4); };
  Held held{nullptr, {random_prices(random, Shape::many_routes, 3000), places()}};
  Loader loader;
  loader.add(held.model.prices);
  held.book = loader.finish(1, Digest{}, std::make_shared<const PlaceTree>(held.model.places));
  for (Version version = 2; version <= 5; ++version) {
    Change change{version, Digest{}, random_prices(random, Shape::many_routes, 100), {}, nullptr};
    if (random() % 2 == 0) change.removed = take_some(random, held.model.prices);
    held.model.prices.insert(held.model.prices.end(), change.added.begin(), change.added.end());
    if (random() % 2 == 0) {
      held.model.places = places();
      change.places = std::make_shared<const PlaceTree>(held.model.places);
    }
    held.book = *book::apply(held.book, std::move(change));
    for (RegionNumber orig = 0; orig < held.model.places.regions.size(); ++orig) {
      for (RegionNumber dest = 0; dest < held.model.places.regions.size(); ++dest) {
        const RateQuery query{
            {PlaceNumber::Kind::region, orig}, {PlaceNumber::Kind::region, dest}, day_min, day_max, false, {}};
        RC_ASSERT(testing::difference(held.book->rates(query), testing::rates(held.model, query)) == "");
      }
    }
  }
}

RC_GTEST_PROP(Book, rates_of_a_list_are_those_of_a_book, (std::uint64_t seed)) {
  std::mt19937_64 random(seed);
  const auto shape = random() % 2 == 0 ? Shape::long_cells : Shape::one_route;
  const Model model{random_prices(random, shape, random() % 2000), {}};
  RateQuery query{{PlaceNumber::Kind::port, 1}, {PlaceNumber::Kind::port, 2}, day_min, day_max, true, {0.2, 0.5, 0.8}};
  RC_ASSERT(testing::difference(rates_of(model.prices, query), testing::rates(model, query)) == "");
}

TEST(Book, is_empty_at_version_0) {
  const Snapshot book = empty_book();
  EXPECT_EQ(book->version(), 0u);
  EXPECT_EQ(book->chain(), Digest{});
  EXPECT_EQ(book->price_count(), 0u);
  EXPECT_EQ(book->days(), std::nullopt);
  ASSERT_NE(book->places(), nullptr);
  EXPECT_EQ(book->places()->port_count(), 0u);
  EXPECT_TRUE(book->rates({{}, {}, day_min, day_max, true, {0.5}}).empty());
  EXPECT_TRUE(testing::prices_of(*book).empty());
}

TEST(Book, a_change_of_an_older_version_leaves_its_newer_ones_alone) {
  std::mt19937_64 random(1);
  const Held base = step({empty_book(), {}}, random, 1);
  const Held one = step(base, random, 2);
  const Held other = step(base, random, 3);
  for (const Held& held : {base, one, other}) check(*held.book, held.model, random, 5);
}

TEST(Book, many_thousand_versions_go_at_once) {
  const Snapshot first = empty_book();
  Snapshot newest = first;
  const NumberedPrice price{1, 2, Day{19000}, Cents{100}};
  for (Version version = 1; version <= 100'000; ++version) {
    Change change{version, Digest{}, {}, {}, nullptr};
    (version % 2 == 1 ? change.added : change.removed).push_back(price);
    newest = *book::apply(newest, std::move(change));
  }
  EXPECT_EQ(newest->price_count(), 0u);
  // `first` goes at the end of this scope, and with it every version in between: a recursion would overflow the stack.
}

TEST(Book, selects_percentiles_of_more_amounts_than_it_gathers_at_once) {
  std::mt19937_64 random(4);
  Model model{{}, testing::random_places(random, port_count, 1)};
  for (PortDocument& port : model.places.ports) port = {port.code, port.name, testing::region_slug(0), false};
  model.prices.resize(2'600'000);
  // The second of four days alone has more than is gathered at once.
  for (NumberedPrice& price : model.prices) {
    const auto port = static_cast<PortNumber>(random() % port_count);
    price = {port, (port + 1) % port_count, Day{19001}, Cents{static_cast<std::uint32_t>(random() % 50'000) + 1}};
    if (random() % 8 == 0) price.day.since_1970 = 19000 + static_cast<std::int32_t>(random() % 4);
  }
  Loader loader;
  loader.add(model.prices);
  const Snapshot book = loader.finish(1, Digest{}, std::make_shared<const PlaceTree>(model.places));
  const PlaceNumber all{PlaceNumber::Kind::region, 0};
  const RateQuery query{all, all, day_min, day_max, true, {0.5, 0.2}};
  EXPECT_EQ(testing::difference(book->rates(query), testing::rates(model, query)), "");
}

TEST(Book, keeps_sums_of_pairs_that_became_wide) {
  std::mt19937_64 random(5);
  const Model model{{}, testing::random_places(random, port_count, 1)};
  const auto wide_pairs = [](const Snapshot& book) { return book->parts().sums().pairs->size(); };
  Change places{1, Digest{}, {}, {}, std::make_shared<const PlaceTree>(model.places)};
  Snapshot book = *book::apply(empty_book(), std::move(places));
  EXPECT_EQ(wide_pairs(book), 0u);
  book = *book::apply(book, {2, Digest{}, random_prices(random, Shape::many_routes, 3000), {}, nullptr});
  EXPECT_EQ(wide_pairs(book), 1u);
  // Without its regions the tree has no pair that is wide, nor its sums.
  Change closed{3, Digest{}, {}, {}, std::make_shared<const PlaceTree>(testing::random_places(random, port_count, 0))};
  book = *book::apply(book, std::move(closed));
  EXPECT_EQ(wide_pairs(book), 0u);
  EXPECT_EQ(book->parts().sums().days.size(), 1u);
}

TEST(Book, takes_at_most_12_bytes_a_price) {
  std::mt19937_64 random(3);
  std::vector<NumberedPrice> prices(200'000);
  for (NumberedPrice& price : prices) {
    // 2.8 a route and day, as with 10 million over 100 x 100 ports and 365 days.
    price = {static_cast<PortNumber>(random() % 14), static_cast<PortNumber>(random() % 14),
             Day{19000 + static_cast<std::int32_t>(random() % 365)},
             Cents{1 + static_cast<std::uint32_t>(random() % 500'000)}};
  }
  Loader loader;
  loader.add(std::span(prices).first(150'000));
  auto places = std::make_shared<const PlaceTree>(testing::random_places(random, 14, 0));
  Snapshot book = loader.finish(1, Digest{}, places);
  EXPECT_LE(book->bytes(), 12 * book->price_count());
  for (std::size_t i = 150'000; i < prices.size(); i += 1000) {
    const auto added = std::span(prices).subspan(i, 1000);
    book = *book::apply(book, {book->version() + 1, Digest{}, {added.begin(), added.end()}, {}, nullptr});
  }
  EXPECT_EQ(book->price_count(), prices.size());
  EXPECT_LE(book->bytes(), 12 * book->price_count());
}

}  // namespace
}  // namespace ratebook::book
