// Prices of a version: all of them and any filter, against a plain brute force.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "store/contract/contract.hpp"

namespace ratebook::store::contract {
namespace {

struct Model {
  std::vector<NumberedPrice> prices;
  Version version = 0;
  Version retracted = 0;

  bool is_in(Version at) const { return version > 0 && version <= at && (retracted == 0 || retracted > at); }
};

bool passes(const NumberedPrice& price, const PriceFilter& filter) {
  return (filter.origs.empty() || std::ranges::binary_search(filter.origs, price.orig)) &&
         (filter.dests.empty() || std::ranges::binary_search(filter.dests, price.dest)) && price.day >= filter.from &&
         price.day <= filter.to;
}

std::vector<NumberedPrice> brute_force(const std::vector<Model>& batches, Version at, const PriceFilter& filter) {
  std::vector<NumberedPrice> found;
  for (const auto& batch : batches) {
    if (!batch.is_in(at)) continue;
    std::ranges::copy_if(batch.prices, std::back_inserter(found),
                         [&](const NumberedPrice& price) { return passes(price, filter); });
  }
  std::ranges::sort(found);
  return found;
}

PriceFilter any_filter(std::uint32_t ports) {
  const auto some_ports = [ports] {
    const auto drawn = *rc::gen::container<std::vector<PortNumber>>(rc::gen::inRange<PortNumber>(0, ports + 2));
    const std::set<PortNumber> sorted(drawn.begin(), drawn.end());
    return std::vector<PortNumber>(sorted.begin(), sorted.end());
  };
  PriceFilter filter{.origs = some_ports(), .dests = some_ports()};
  if (*rc::gen::arbitrary<bool>()) filter.from = Day{*rc::gen::inRange(18'595, 18'635)};
  if (*rc::gen::arbitrary<bool>()) filter.to = Day{*rc::gen::inRange(18'595, 18'635)};
  return filter;
}

std::vector<NumberedPrice> prices_in_parts(Store& store, Version at, PriceFilter filter, std::size_t part_count) {
  std::vector<NumberedPrice> all;
  for (std::size_t index = 0; index < part_count; ++index) {
    filter.part = {index, part_count};
    std::ranges::copy(prices_at(store, at, filter), std::back_inserter(all));
  }
  std::ranges::sort(all);
  return all;
}

}  // namespace

TEST_P(Prices, AreThoseOfTheVersionThatPassTheFilter) {
  const bool holds = rc::check("they are what a brute force finds", [this] {
    const auto fresh = GetParam()();
    Store& its = fresh->store();
    TestWriter writer{its};
    const auto ports = *rc::gen::inRange<std::uint32_t>(2, 30);
    std::vector<Model> batches;
    const int steps = *rc::gen::inRange(1, 8);
    for (int i = 0; i < steps; ++i) {
      if (!batches.empty() && *rc::gen::inRange(0, 4) == 0) {
        const auto index = *rc::gen::inRange<std::size_t>(0, batches.size());
        const std::string id = header_of("a", std::to_string(index), batches[index].prices.size()).id;
        const auto outcome = writer.decide(RetractDecision{id});
        if (outcome.kind == Outcome::Kind::retracted) batches[index].retracted = outcome.version;
        continue;
      }
      auto prices = some_prices(*rc::gen::inRange<std::size_t>(1, 700), static_cast<std::uint32_t>(i), ports);
      const BatchHeader header = header_of("a", std::to_string(batches.size()), prices.size());
      const auto outcome = writer.commit(header, attempt_name(i), prices);
      batches.push_back({std::move(prices), outcome.version, 0});
    }
    const Version newest = its.head()->version;
    for (int i = 0; i < 6; ++i) {
      const auto at = *rc::gen::inRange<Version>(0, newest + 2);
      const PriceFilter filter = i == 0 ? PriceFilter{} : any_filter(ports);
      const auto wanted = brute_force(batches, at, filter);
      RC_ASSERT(prices_at(its, at, filter) == wanted);
      RC_ASSERT(prices_in_parts(its, at, filter, *rc::gen::inRange<std::size_t>(1, 5)) == wanted);
    }
  });
  EXPECT_TRUE(holds);
}

TEST_P(Prices, OfAnAttemptAreItsOwn) {
  TestWriter writer{store};
  const auto first = some_prices(20'000, 1);
  const auto second = some_prices(300, 2);
  writer.commit(header_of("a", "1", first.size()), attempt_name(1), first);
  writer.commit(header_of("a", "2", second.size()), attempt_name(2), second);
  std::vector<NumberedPrice> read;
  std::size_t spans = 0;
  const auto take = [&](std::span<const NumberedPrice> some) {
    read.insert(read.end(), some.begin(), some.end());
    ++spans;
    return true;
  };
  ASSERT_TRUE(store.reading()->prices_of(attempt_name(1), take).has_value());
  EXPECT_EQ(read, first);
  EXPECT_GT(spans, 1U) << "some thousands at a time";
}

TEST_P(Prices, OfAnAttemptThatNoBatchCountsAreNotFound) {
  TestWriter writer{store};
  const auto prices = some_prices(300);
  ASSERT_TRUE(store.stage(writer.chunk(attempt_name(1), 0, prices)));
  const auto reading = store.reading();
  const auto read = reading->prices_of(attempt_name(1), [](std::span<const NumberedPrice>) { return true; });
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().failure, Failure::not_found);
  EXPECT_TRUE(reading->confirm());
}

TEST_P(Prices, SinkStopsTheReading) {
  TestWriter writer{store};
  const auto prices = some_prices(50'000, 1);
  writer.commit(header_of("a", "1", prices.size()), attempt_name(1), prices);
  for (const auto& filter : {PriceFilter{}, PriceFilter{.from = Day{18'601}}}) {
    std::size_t spans = 0;
    ASSERT_TRUE(store
                    .prices_at(head_at(store, 1), filter,
                               [&](std::span<const NumberedPrice>) {
                                 ++spans;
                                 return false;
                               })
                    .has_value());
    EXPECT_EQ(spans, 1U);
  }
}

TEST_P(Prices, ReaderKeepsItsSnapshotWhileTheWriterGoesOn) {
  TestWriter writer{store};
  const auto prices = some_prices(30'000, 1);
  const BatchHeader header = header_of("a", "1", prices.size());
  writer.commit(header, attempt_name(1), prices);
  std::vector<NumberedPrice> read;
  bool is_first = true;
  const auto slow = [&](std::span<const NumberedPrice> some) {
    if (is_first) {
      writer.decide(RetractDecision{header.id});
      writer.commit(header_of("a", "2", prices.size()), attempt_name(2), prices);
      is_first = false;
    }
    read.insert(read.end(), some.begin(), some.end());
    return true;
  };
  ASSERT_TRUE(store.prices_at(head_at(store, 1), {}, slow).has_value());
  EXPECT_EQ(read, prices);
  EXPECT_EQ(store.head()->version, 3U);
}

TEST_P(Prices, OfAVersionThatIsAnotherOrNotHereAreNotGiven) {
  TestWriter writer{store};
  writer.commit(header_of("a", "1", 300), attempt_name(1), some_prices(300, 1));
  const Head newest = *store.head();
  Head other = newest;
  other.chain[0] ^= 1U;
  const auto none = [](std::span<const NumberedPrice>) {
    ADD_FAILURE() << "a price of another version";
    return true;
  };
  for (const Head& at : {other, Head{newest.version + 1, newest.chain}, Head{0, newest.chain}}) {
    EXPECT_EQ(store.prices_at(at, {}, none).error().failure, Failure::not_found);
    EXPECT_EQ(store.next_chunk(at, std::nullopt).error().failure, Failure::not_found);
    EXPECT_EQ(store.next_chunk(at, ChunkName{1, 0}).error().failure, Failure::not_found);
  }
  EXPECT_TRUE(store.next_chunk(newest, std::nullopt)->has_value());
  EXPECT_FALSE(store.next_chunk({}, std::nullopt)->has_value());
}

}  // namespace ratebook::store::contract
