#include "follower/hints.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace ratebook::follower {
namespace {

using ::testing::ElementsAre;

/// Shows a book with two ports, AAAAA and BBBBB.
class HintsTest : public ::testing::Test {
 protected:
  HintsTest() { show({{"AAAAA", "", "", true}, {"BBBBB", "", "", true}}); }

  void show(std::vector<PortDocument> ports) {
    PlacesDocument places;
    places.ports = std::move(ports);
    book::Change change;
    change.version = ++version_;
    change.places = std::make_shared<const PlaceTree>(places);
    visible_.show({*book::apply(visible_.view().book, std::move(change)), {}}, 0, true);
  }

  /// From AAAAA to BBBBB, one price for each amount.
  static Chunk chunk(std::initializer_list<std::uint32_t> cents) {
    Chunk made{.ports = {*PortCode::parse("AAAAA"), *PortCode::parse("BBBBB")}, .items = {}};
    for (const std::uint32_t amount : cents) made.items.push_back({0, 1, Day{19000}, Cents{amount}});
    return made;
  }
  static NumberedPrice price(std::uint32_t cents, PortNumber orig = 0, PortNumber dest = 1) {
    return {.orig = orig, .dest = dest, .day = Day{19000}, .amount = Cents{cents}};
  }

  Visible visible_;
  Version version_ = 0;
};

TEST_F(HintsTest, GivesAnAttemptOnceAndOnlyWhole) {
  Hints hints{visible_};
  hints.offer("a", 0, 2, chunk({1}));
  hints.offer("a", 1, 2, chunk({2}));
  const auto taken = hints.take("a");
  ASSERT_TRUE(taken.has_value());
  EXPECT_THAT(taken->prices, ElementsAre(price(1), price(2)));
  EXPECT_EQ(taken->overlay, nullptr);
  EXPECT_FALSE(hints.take("a").has_value());
  hints.offer("b", 0, 2, chunk({1}));
  EXPECT_FALSE(hints.take("b").has_value());
}

TEST_F(HintsTest, AChunkOfferedAgainBeginsTheAttemptAnew) {
  for (const std::uint64_t overlay_min : {1, 100}) {
    Hints hints{visible_, {100, overlay_min}};
    hints.offer("a", 0, 2, chunk({1}));
    hints.offer("a", 1, 2, chunk({2}));
    hints.offer("a", 0, 2, chunk({3}));
    EXPECT_FALSE(hints.take("a").has_value());
    for (const std::uint32_t number : {0, 1, 0, 1}) hints.offer("a", number, 2, chunk({number + 5}));
    const auto taken = hints.take("a");
    ASSERT_TRUE(taken.has_value());
    EXPECT_EQ(taken->prices.size(), overlay_min == 1 ? 0u : 2u);
    EXPECT_EQ(taken->overlay != nullptr, overlay_min == 1);
  }
}

TEST_F(HintsTest, ALargeBatchIsAnOverlayOfTheBook) {
  Hints hints{visible_, {100, 3}};
  hints.offer("a", 1, 3, chunk({7, 5}));
  hints.offer("a", 0, 3, chunk({6}));
  auto taken = hints.take("a");
  ASSERT_TRUE(taken.has_value());
  EXPECT_TRUE(taken->prices.empty());
  book::Change change;
  change.version = 2;
  change.overlays.push_back(std::move(taken->overlay));
  const auto book = *book::apply(visible_.view().book, std::move(change));
  std::vector<NumberedPrice> prices;
  book->each([&](std::span<const NumberedPrice> some) { prices.insert(prices.end(), some.begin(), some.end()); });
  EXPECT_THAT(prices, ElementsAre(price(5), price(6), price(7)));
}

TEST_F(HintsTest, TheOldestGoWhereThePricesAreTooMany) {
  Hints hints{visible_, {2, 100}};
  for (const char* attempt : {"a", "b", "c"}) hints.offer(attempt, 0, 1, chunk({1}));
  EXPECT_FALSE(hints.take("a").has_value());
  EXPECT_TRUE(hints.take("b").has_value());
  hints.offer("d", 0, 3, chunk({1, 2, 3}));
  EXPECT_FALSE(hints.take("d").has_value()) << "more than all may be";
  EXPECT_TRUE(hints.take("c").has_value());
}

TEST_F(HintsTest, TheOldestGoWhereTheAttemptsAreTooMany) {
  Hints hints{visible_};
  for (std::size_t i = 0; i <= Hints::attempts_max; ++i) hints.offer(std::to_string(i), 0, 1, chunk({1}));
  EXPECT_FALSE(hints.take("0").has_value());
  EXPECT_TRUE(hints.take("1").has_value());
  EXPECT_TRUE(hints.take(std::to_string(Hints::attempts_max)).has_value());
}

TEST_F(HintsTest, APortThatIsNotKnownYetIsLeftToTheStore) {
  Hints hints{visible_};
  Chunk unknown = chunk({1});
  unknown.ports[1] = *PortCode::parse("CCCCC");
  hints.offer("a", 0, 1, unknown);
  EXPECT_FALSE(hints.take("a").has_value());
}

TEST_F(HintsTest, NothingIsLeftOfAnotherHistory) {
  Hints hints{visible_};
  hints.offer("a", 0, 2, chunk({1}));
  show({{"BBBBB", "", "", true}, {"AAAAA", "", "", true}});
  hints.clear();
  hints.offer("a", 1, 2, chunk({2}));
  EXPECT_FALSE(hints.take("a").has_value());
  hints.offer("b", 0, 1, chunk({2}));
  EXPECT_THAT(hints.take("b")->prices, ElementsAre(price(2, 1, 0)));
}

}  // namespace
}  // namespace ratebook::follower
