#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "follower/follower.hpp"

namespace ratebook::follower {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;

NumberedPrice price(std::uint32_t cents) { return {.orig = 0, .dest = 1, .day = Day{19000}, .amount = Cents{cents}}; }

TEST(Hints, GivesAnAttemptOnceAndOnlyWhole) {
  Hints hints{100};
  hints.offer("a", 0, 2, {price(1)});
  EXPECT_EQ(hints.take("a"), std::nullopt);
  hints.offer("a", 1, 2, {price(2)});
  EXPECT_THAT(hints.take("a"), Optional(ElementsAre(price(1), price(2))));
  EXPECT_EQ(hints.take("a"), std::nullopt);
}

TEST(Hints, ALaterOfferOfAChunkTakesThePlaceOfTheOneBefore) {
  Hints hints{100};
  hints.offer("a", 0, 1, {price(1)});
  hints.offer("a", 0, 1, {price(2)});
  EXPECT_THAT(hints.take("a"), Optional(ElementsAre(price(2))));
}

TEST(Hints, TheOldestGoWhereThePricesAreTooMany) {
  Hints hints{2};
  for (const char* attempt : {"a", "b", "c"}) hints.offer(attempt, 0, 1, {price(1)});
  EXPECT_EQ(hints.take("a"), std::nullopt);
  EXPECT_NE(hints.take("b"), std::nullopt);
  EXPECT_NE(hints.take("c"), std::nullopt);
}

TEST(Hints, TheOldestGoWhereTheAttemptsAreTooMany) {
  Hints hints{1'000'000};
  for (std::size_t i = 0; i <= Hints::attempts_max; ++i) hints.offer(std::to_string(i), 0, 1, {price(1)});
  EXPECT_EQ(hints.take("0"), std::nullopt);
  EXPECT_NE(hints.take("1"), std::nullopt);
  EXPECT_NE(hints.take(std::to_string(Hints::attempts_max)), std::nullopt);
}

}  // namespace
}  // namespace ratebook::follower
