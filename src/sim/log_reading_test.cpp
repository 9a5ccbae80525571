#include "sim/log_reading.hpp"

#include <gtest/gtest.h>

#include "model/packed_chunk.hpp"

namespace ratebook::sim {
namespace {

struct LogReadingTest : testing::Test {
  LogReading reading;
  Offset offset = 0;

  static BatchHeader header(const std::string& key, const std::string& content, const std::string& replaces = "") {
    const Digest digest = sha256(content + replaces);
    return {.id = batch_id("s", key, digest),
            .source = "s",
            .key = key,
            .digest = digest,
            .price_count = 1,
            .replaces = replaces};
  }
  static std::string attempt(int number) { return std::string(31, 'a') + std::to_string(number); }
  void chunk(const BatchHeader& header, int attempt_number, std::uint32_t number, bool last) {
    log::ChunkRecord record{header, attempt(attempt_number), number, last, {}};
    const PortCode from = PortCode::parse("CNSGH").value();
    const PortCode to = PortCode::parse("NLRTM").value();
    pack_chunk({{from, to}, {{0, 1, Day{1}, Cents{number + 1}}}}, record.prices);
    reading.take(0, offset++, log::encode(record));
  }
  void abandon(int attempt_number) {
    reading.take(0, offset++, log::encode(log::AbandonRecord{attempt(attempt_number)}));
  }
  void retraction(const BatchHeader& of) {
    reading.take(0, offset++, log::encode(log::RetractionRecord{of.id, "s", 0}));
  }

  static Decided committed(const BatchHeader& header, int attempt_number) {
    return {Decided::Kind::committed, header.id, attempt(attempt_number), "s", Rejection::none, 1};
  }
  static Decided rejected(const BatchHeader& header, int attempt_number, Rejection why) {
    return {Decided::Kind::rejected, header.id, attempt(attempt_number), "s", why, 0};
  }
  static Decided retracted(const BatchHeader& header) {
    return {Decided::Kind::retracted, header.id, "", "s", Rejection::none, 2};
  }
};

TEST_F(LogReadingTest, TheFirstCompleteAttemptIsTheBatch) {
  const auto batch = header("k", "x");
  chunk(batch, 1, 0, false);
  chunk(batch, 2, 0, true);
  chunk(batch, 1, 1, true);
  LogReading again = reading;
  EXPECT_NE(again.decide(committed(batch, 1)), "");
  EXPECT_EQ(reading.decide(committed(batch, 2)), "");
  EXPECT_EQ(reading.undecided(), std::vector<std::string>{}) << "the other attempt is a repeat";
  EXPECT_EQ(reading.prices(attempt(1)).size(), 2U);
}

TEST_F(LogReadingTest, AnIncompleteOrAbandonedAttemptIsNothing) {
  const auto batch = header("k", "x");
  chunk(batch, 1, 0, false);
  EXPECT_EQ(reading.open(), std::vector{attempt(1)});
  abandon(1);
  chunk(batch, 1, 1, true);
  EXPECT_FALSE(reading.is_complete(attempt(1)));
  EXPECT_TRUE(reading.open().empty());
  EXPECT_NE(reading.decide(committed(batch, 1)), "");
}

TEST_F(LogReadingTest, WhatWasAbandonedStaysSoThoughAllOfItComesLate) {
  const auto batch = header("k", "x");
  abandon(1);
  chunk(batch, 1, 0, false);
  chunk(batch, 1, 1, true);
  EXPECT_FALSE(reading.is_complete(attempt(1)));
  EXPECT_TRUE(reading.undecided().empty());
  EXPECT_NE(reading.decide(committed(batch, 1)), "");
}

TEST_F(LogReadingTest, AGapMakesAnAttemptVoid) {
  const auto batch = header("k", "x");
  chunk(batch, 1, 0, false);
  chunk(batch, 1, 2, true);
  EXPECT_FALSE(reading.is_complete(attempt(1)));
  EXPECT_NE(reading.decide(committed(batch, 1)), "");
}

TEST_F(LogReadingTest, AnAbandonRecordBehindTheLastChunkChangesNothing) {
  const auto batch = header("k", "x");
  chunk(batch, 1, 0, true);
  abandon(1);
  EXPECT_TRUE(reading.is_complete(attempt(1)));
  EXPECT_EQ(reading.undecided().size(), 1U);
  EXPECT_EQ(reading.decide(committed(batch, 1)), "");
}

TEST_F(LogReadingTest, TheSameKeyWithOtherContentIsRejected) {
  const auto first = header("k", "x");
  const auto second = header("k", "y");
  chunk(first, 1, 0, true);
  chunk(second, 2, 0, true);
  EXPECT_EQ(reading.decide(committed(first, 1)), "");
  EXPECT_EQ(reading.decide(rejected(second, 2, Rejection::key_conflict)), "");
}

TEST_F(LogReadingTest, WhatIsReplacedMustBeThere) {
  const auto first = header("k1", "x");
  const auto second = header("k2", "y", first.id);
  const auto third = header("k3", "z", first.id);
  chunk(first, 1, 0, true);
  chunk(second, 2, 0, true);
  chunk(third, 3, 0, true);
  EXPECT_EQ(reading.decide(committed(first, 1)), "");
  EXPECT_EQ(reading.decide(committed(second, 2)), "");
  EXPECT_EQ(reading.decide(rejected(third, 3, Rejection::replaces_conflict)), "");
}

TEST_F(LogReadingTest, ARetractionTakesEffectOnceAndInItsPlace) {
  const auto batch = header("k", "x");
  retraction(batch);
  chunk(batch, 1, 0, true);
  retraction(batch);
  retraction(batch);
  EXPECT_EQ(reading.decide(committed(batch, 1)), "");
  EXPECT_EQ(reading.decide(retracted(batch)), "");
  EXPECT_NE(reading.decide(retracted(batch)), "");
}

TEST_F(LogReadingTest, AnotherOrderThanTheLogsIsTold) {
  const auto first = header("k1", "x");
  const auto second = header("k2", "y");
  chunk(first, 1, 0, true);
  chunk(second, 2, 0, true);
  EXPECT_NE(reading.decide(committed(second, 2)), "");
}

TEST_F(LogReadingTest, NonsenseIsABadRecord) {
  reading.take(2, 7, "nonsense");
  EXPECT_EQ(reading.bad_records().count({2, 7}), 1U);
}

}  // namespace
}  // namespace ratebook::sim
