#include "sim/database.hpp"

#include <gtest/gtest.h>

namespace ratebook::sim {
namespace {

using Kind = store::Outcome::Kind;

struct DatabaseTest : testing::Test {
  Database database{1, Plant::none};
  std::uint64_t epoch = database.claim(0).epoch;
  Offset position = -1;
  const std::vector<NumberedPrice> prices{{0, 1, Day{1}, Cents{100}}};

  static BatchHeader header(const std::string& key) {
    const Digest digest = sha256(key);
    return {.id = batch_id("s", key, digest), .source = "s", .key = key, .digest = digest, .price_count = 1};
  }
  Result<void> stage(const std::string& attempt) { return database.stage({0, epoch, attempt, 0, prices}); }
  Result<std::vector<store::Outcome>> publish(std::vector<store::Decision> decisions,
                                              std::vector<std::string> swept = {}) {
    std::vector<Decided> decided;
    auto outcomes = database.publish({.partition = 0,
                                      .epoch = epoch,
                                      .expected = {position, {}},
                                      .next = {position + 1, {}},
                                      .decisions = std::move(decisions),
                                      .swept = std::move(swept)},
                                     decided);
    if (outcomes) ++position;
    return outcomes;
  }
};

TEST_F(DatabaseTest, AStagedBatchBecomesAVersionOnce) {
  ASSERT_TRUE(stage("a"));
  EXPECT_TRUE(database.prices_at({}, {})->empty()) << "staged prices are invisible";
  EXPECT_EQ(publish({store::CommitDecision{header("k"), "a", 1}})->front().kind, Kind::committed);
  EXPECT_EQ(*database.prices_at(database.head(), {}), prices);
  ASSERT_TRUE(stage("b"));
  EXPECT_EQ(publish({store::CommitDecision{header("k"), "b", 1}})->front().kind, Kind::repeat);
  EXPECT_EQ(database.head().version, 1U);
  EXPECT_TRUE(database.leftovers().empty()) << "what the repeat staged is swept";
}

TEST_F(DatabaseTest, MissingMarkersChangeNothing) {
  const auto outcomes = publish({store::CommitDecision{header("k"), "a", 1}});
  ASSERT_FALSE(outcomes);
  EXPECT_EQ(outcomes.error().failure, Failure::not_found);
  EXPECT_EQ(database.head().version, 0U);
  EXPECT_EQ(database.position(0).offset, -1);
}

TEST_F(DatabaseTest, AnOvertakenWriterIsShutOut) {
  const std::uint64_t overtaken = epoch;
  database.claim(0);
  EXPECT_EQ(database.stage({0, overtaken, "a", 0, prices}).error().failure, Failure::lost);
  EXPECT_EQ(publish({}).error().failure, Failure::lost);
}

TEST_F(DatabaseTest, AMovedPositionIsLost) {
  ASSERT_TRUE(publish({}));
  position = -1;
  EXPECT_EQ(publish({}).error().failure, Failure::lost);
}

TEST_F(DatabaseTest, WhatWasSweptStaysVoid) {
  ASSERT_TRUE(publish({}, {"a"}));
  ASSERT_TRUE(stage("a"));
  EXPECT_EQ(publish({store::CommitDecision{header("k"), "a", 1}})->front().kind, Kind::swept_before);
  EXPECT_EQ(database.head().version, 0U);
  EXPECT_TRUE(database.leftovers().empty());
}

TEST_F(DatabaseTest, SweepingNeverTakesABatchsPrices) {
  ASSERT_TRUE(stage("a"));
  ASSERT_TRUE(publish({store::CommitDecision{header("k"), "a", 1}}));
  ASSERT_TRUE(publish({}, {"a"}));
  EXPECT_EQ(*database.prices_of("a"), prices);
}

TEST_F(DatabaseTest, ARetractionEndsABatchAtAVersion) {
  ASSERT_TRUE(stage("a"));
  ASSERT_TRUE(publish({store::CommitDecision{header("k"), "a", 1}, store::RetractDecision{header("k").id}}));
  const VersionRow first = database.versions(0, 1).front();
  EXPECT_EQ(database.prices_at({first.version, first.chain}, {})->size(), 1U);
  EXPECT_TRUE(database.prices_at(database.head(), {})->empty());
  EXPECT_EQ(publish({store::RetractDecision{header("k").id}})->front().kind, Kind::already_retracted);
  EXPECT_EQ(database.head().version, 2U);
}

}  // namespace
}  // namespace ratebook::sim
