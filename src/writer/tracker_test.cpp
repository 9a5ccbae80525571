#include "writer/tracker.hpp"

#include <gtest/gtest.h>

#include "model/packed_chunk.hpp"

namespace ratebook::writer {
namespace {

constexpr BootTime at{};

BatchHeader header_of(const std::string& source, const std::string& key, std::uint64_t price_count) {
  BatchHeader header{.source = source, .key = key, .price_count = price_count};
  header.digest = sha256(key);
  header.id = batch_id(source, key, header.digest);
  return header;
}

std::string attempt_of(char letter) { return std::string(32, letter); }

std::string packed() {
  std::string bytes;
  pack_chunk({{*PortCode::parse("CNSGH"), *PortCode::parse("NLRTM")}, {{0, 1, Day{18628}, Cents{100}}}}, bytes);
  return bytes;
}

log::StoredRecord chunk(Offset offset, const BatchHeader& header, char attempt, std::uint32_t number, bool last) {
  return {offset, log::encode(log::ChunkRecord{header, attempt_of(attempt), number, last, packed()})};
}

log::StoredRecord abandoned(Offset offset, char attempt) {
  return {offset, log::encode(log::AbandonRecord{attempt_of(attempt)})};
}

class TrackerTest : public testing::Test {
 protected:
  void take(const log::StoredRecord& record) { ASSERT_TRUE(tracker.take(record, at)); }
  std::size_t waiting(const std::string& source) {
    return tracker.pending().contains(source) ? tracker.pending().at(source).size() : 0;
  }

  Tracker tracker{1 << 20};
  BatchHeader a = header_of("carrier-a", "one", 2);
  BatchHeader b = header_of("carrier-b", "two", 1);
};

TEST_F(TrackerTest, ChunksInOrderMakeABatchAlsoWithOthersBetween) {
  take(chunk(0, a, 'a', 0, false));
  take(chunk(1, b, 'b', 0, true));
  EXPECT_EQ(waiting("carrier-a"), 0U);
  EXPECT_EQ(waiting("carrier-b"), 1U);
  take(chunk(2, a, 'a', 1, true));
  ASSERT_EQ(waiting("carrier-a"), 1U);
  const Pending& pending = tracker.pending().at("carrier-a").front();
  EXPECT_EQ(pending.first, 0);
  EXPECT_EQ(pending.last, 2);
  EXPECT_EQ(pending.chunks.size(), 2U);
  EXPECT_TRUE(pending.chunks[1].held);
}

TEST_F(TrackerTest, AnAbandonBeforeTheLastChunkDecidesForEver) {
  take(chunk(0, a, 'a', 0, false));
  take(abandoned(1, 'a'));
  take(chunk(2, a, 'a', 1, true));
  take(chunk(3, a, 'a', 0, true));
  EXPECT_EQ(waiting("carrier-a"), 0U);
  EXPECT_EQ(tracker.swept, std::vector{attempt_of('a')});
  EXPECT_EQ(tracker.first_needed({}, 4), 4);
}

TEST_F(TrackerTest, AnAbandonAfterTheLastChunkChangesNothing) {
  take(chunk(0, b, 'b', 0, true));
  take(abandoned(1, 'b'));
  EXPECT_EQ(waiting("carrier-b"), 1U);
  EXPECT_TRUE(tracker.swept.empty());
}

TEST_F(TrackerTest, AGapOrAMissingBeginningIsVoid) {
  take(chunk(0, a, 'a', 0, false));
  take(chunk(1, a, 'a', 2, true));
  take(chunk(2, b, 'b', 1, true));
  EXPECT_EQ(waiting("carrier-a") + waiting("carrier-b"), 0U);
  EXPECT_EQ(tracker.swept, (std::vector{attempt_of('a'), attempt_of('b')}));
}

TEST_F(TrackerTest, AChunkDeliveredTwiceCountsOnce) {
  take(chunk(0, a, 'a', 0, false));
  take(chunk(1, a, 'a', 0, false));
  take(chunk(2, a, 'a', 1, true));
  take(chunk(3, a, 'a', 1, true));
  ASSERT_EQ(waiting("carrier-a"), 1U);
  EXPECT_EQ(tracker.pending().at("carrier-a").front().chunks.size(), 2U);
}

TEST_F(TrackerTest, AChangedHeaderIsVoid) {
  take(chunk(0, a, 'a', 0, false));
  take(chunk(1, b, 'a', 1, true));
  EXPECT_EQ(waiting("carrier-a") + waiting("carrier-b"), 0U);
}

TEST_F(TrackerTest, WhatIsNeededHoldsThePosition) {
  take(chunk(0, a, 'a', 0, false));  // open
  take(chunk(1, b, 'b', 0, true));   // complete
  take(chunk(2, b, 'c', 0, true));
  EXPECT_EQ(tracker.first_needed({{"carrier-b", 2}}, 3), 0);
  take(chunk(3, a, 'a', 1, true));
  EXPECT_EQ(tracker.first_needed({{"carrier-b", 2}}, 4), 0);
  EXPECT_EQ(tracker.first_needed({{"carrier-a", 1}}, 4), 1);
  EXPECT_EQ(tracker.first_needed({{"carrier-a", 1}, {"carrier-b", 1}}, 4), 2);
  EXPECT_EQ(tracker.first_needed({{"carrier-a", 1}, {"carrier-b", 2}}, 4), 4);
}

TEST_F(TrackerTest, AnAttemptThatDoesNotAddUpIsABadRecord) {
  take(chunk(0, a, 'a', 0, true));  // one price where the header says two
  EXPECT_EQ(waiting("carrier-a"), 0U);
  ASSERT_EQ(tracker.bad_records.size(), 1U);
  EXPECT_EQ(tracker.bad_records[0].offset, 0);
  EXPECT_EQ(tracker.swept, std::vector{attempt_of('a')});
}

TEST_F(TrackerTest, RecordsWithoutSenseAreKeptForPeople) {
  take({7, "not a record"});
  ASSERT_EQ(tracker.bad_records.size(), 1U);
  EXPECT_EQ(tracker.bad_records[0].offset, 7);
  EXPECT_EQ(tracker.bad_records[0].bytes, "not a record");
}

TEST_F(TrackerTest, ARecordOfANewerFormatIsLeftToOthers) {
  auto record = chunk(0, b, 'a', 0, true);
  ASSERT_EQ(record.bytes[0], 0x08);  // field 1, the format
  record.bytes[1] = 2;
  const auto taken = tracker.take(record, at);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().failure, Failure::unavailable);
  EXPECT_EQ(waiting("carrier-b"), 0U);
}

TEST_F(TrackerTest, OnlyOpenAttemptsGrowStale) {
  ASSERT_TRUE(tracker.take(chunk(0, a, 'a', 0, false), std::chrono::seconds{1}));
  ASSERT_TRUE(tracker.take(chunk(1, b, 'b', 0, true), std::chrono::seconds{1}));
  EXPECT_TRUE(tracker.open_since(std::chrono::milliseconds{999}).empty());
  EXPECT_EQ(tracker.open_since(std::chrono::seconds{1}), std::vector{attempt_of('a')});
}

TEST_F(TrackerTest, HeldPricesStayUnderTheBound) {
  Tracker small{chunk(0, a, 'a', 0, false).bytes.size() * 3 / 2};
  ASSERT_TRUE(small.take(chunk(0, a, 'a', 0, false), at));
  ASSERT_TRUE(small.take(chunk(1, a, 'a', 1, true), at));
  auto& chunks = small.pending().at("carrier-a").front().chunks;
  EXPECT_TRUE(chunks[0].held);
  EXPECT_FALSE(chunks[1].held);
  small.release(chunks[0]);
  EXPECT_FALSE(chunks[0].held);
  ASSERT_TRUE(small.take(chunk(2, b, 'b', 0, true), at));
  EXPECT_TRUE(small.pending().at("carrier-b").front().chunks[0].held);
}

}  // namespace
}  // namespace ratebook::writer
