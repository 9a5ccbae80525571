#include "writer/tracker.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "model/packed_chunk.hpp"

namespace ratebook::writer {
namespace {

using namespace std::chrono_literals;

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

  /// What goes first, attempt by attempt; a source in `held` stops at its first.
  std::string line(const std::string& held = {}) {
    std::string attempts;
    Line line{tracker};
    while (const Pending* pending = line.next()) {
      attempts += pending->attempt.front();
      if (pending->source == held) line.hold_source();
    }
    return attempts;
  }
  /// Where the position goes once the first `count` of a source are decided.
  Offset position_after(const std::map<std::string, std::size_t>& decided) {
    std::vector<const Pending*> chosen;
    for (const auto& [source, count] : decided) {
      for (std::size_t i = 0; i < count; ++i) chosen.push_back(&tracker.pending().at(source)[i]);
    }
    return tracker.position_after(chosen).offset;
  }

  FirstSeen first_seen;
  Tracker tracker{{.held_bytes_max = 1 << 20, .begin = {.offset = -1}}, first_seen};
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
  EXPECT_EQ(position_after({}), 3);
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
  EXPECT_EQ(position_after({{"carrier-b", 2}}), -1);
  take(chunk(5, a, 'a', 1, true));  // offsets may have gaps
  EXPECT_EQ(position_after({{"carrier-b", 2}}), -1);
  EXPECT_EQ(position_after({{"carrier-a", 1}}), 0);
  EXPECT_EQ(position_after({{"carrier-a", 1}, {"carrier-b", 1}}), 1);
  EXPECT_EQ(position_after({{"carrier-a", 1}, {"carrier-b", 2}}), 5);
}

TEST_F(TrackerTest, APositionNamesTheBytesOfTheRecordThatItStandsAt) {
  const auto first = chunk(4, b, 'b', 0, true);
  take(first);
  take(chunk(7, b, 'c', 0, true));
  tracker.decided("carrier-b");
  EXPECT_EQ(tracker.position_after({}), (Position{4, sha256(first.bytes)}));
}

TEST_F(TrackerTest, WhoHasWaitedLongestGoesFirstWhateverItIsCalled) {
  const BatchHeader z = header_of("zebra", "three", 1);
  const BatchHeader m = header_of("middle", "four", 1);
  take(chunk(0, z, '1', 0, true));
  take(chunk(1, b, '2', 0, true));
  take(chunk(2, z, '3', 0, true));
  take(chunk(3, m, '4', 0, true));
  take(chunk(4, b, '5', 0, true));
  EXPECT_EQ(line(), "12345");
  EXPECT_EQ(line("zebra"), "1245") << "what is behind a batch that waits, waits with it";
  tracker.decided("zebra");
  EXPECT_EQ(line(), "2345");
  take(chunk(5, z, '6', 0, true));
  tracker.decided("carrier-b");
  tracker.decided("carrier-b");
  EXPECT_EQ(line(), "346");
  EXPECT_EQ(tracker.pending_count(), 3U);
}

TEST_F(TrackerTest, WhatIsCompleteStaysSoUntilItIsDecidedHoweverManyOthersCome) {
  take(chunk(0, b, 'a', 0, true));
  Offset next = 1;
  for (int i = 0; i < 11'000; ++i, ++next) {
    const std::string other = hex(sha256(std::to_string(i))).substr(0, 32);
    take({next, log::encode(log::AbandonRecord{other})});
  }
  take(abandoned(next, 'a'));
  EXPECT_EQ(std::ranges::count(tracker.swept, attempt_of('a')), 0);
  EXPECT_EQ(waiting("carrier-b"), 1U);
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
  ASSERT_TRUE(tracker.take(chunk(0, a, 'a', 0, false), 1s));
  ASSERT_TRUE(tracker.take(chunk(1, b, 'b', 0, true), 1s));
  EXPECT_TRUE(tracker.overdue(999ms, 4s, 5s).empty());
  EXPECT_EQ(tracker.overdue(1s, 4s, 5s), std::vector{attempt_of('a')});
  EXPECT_TRUE(tracker.overdue(2s, 4s, 6s).empty()) << "it was named at 5 s";
  EXPECT_EQ(tracker.overdue(2s, 5s, 6s), std::vector{attempt_of('a')});
}

TEST_F(TrackerTest, AnAttemptThatWasSeenBeforeIsAsOldAsItWasThen) {
  first_seen.see(attempt_of('a'), 1s);
  ASSERT_TRUE(tracker.take(chunk(0, a, 'a', 0, false), 7s));
  EXPECT_EQ(tracker.overdue(1s, 4s, 8s), std::vector{attempt_of('a')});
  ASSERT_TRUE(tracker.take(chunk(1, a, 'a', 1, true), 8s));
  EXPECT_EQ(first_seen.size(), 0U) << "closed: nobody asks again";
}

TEST(FirstSeenTest, IsBounded) {
  FirstSeen first_seen;
  for (std::size_t i = 0; i < 2 * FirstSeen::attempts_max; ++i) {
    first_seen.see(std::to_string(i), std::chrono::seconds{i});
  }
  EXPECT_EQ(first_seen.size(), FirstSeen::attempts_max);
  EXPECT_EQ(first_seen.see(std::to_string(2 * FirstSeen::attempts_max - 1), at), std::chrono::seconds{19'999});
  EXPECT_EQ(first_seen.see("0", 5s), 5s) << "the oldest are forgotten";
}

TEST_F(TrackerTest, HeldPricesStayUnderTheBound) {
  Tracker small{{.held_bytes_max = chunk(0, a, 'a', 0, false).bytes.size() * 3 / 2, .begin = {.offset = -1}},
                first_seen};
  ASSERT_TRUE(small.take(chunk(0, a, 'a', 0, false), at));
  ASSERT_TRUE(small.take(chunk(1, a, 'a', 1, true), at));
  ASSERT_TRUE(small.take(chunk(2, b, 'b', 0, true), at));
  EXPECT_TRUE(small.pending().at("carrier-a").front().chunks[0].held);
  EXPECT_FALSE(small.pending().at("carrier-a").front().chunks[1].held);
  EXPECT_FALSE(small.pending().at("carrier-b").front().chunks[0].held);
  small.decided("carrier-a");
  ASSERT_TRUE(small.take(chunk(3, b, 'c', 0, true), at));
  EXPECT_TRUE(small.pending().at("carrier-b").back().chunks[0].held);
}

TEST_F(TrackerTest, ASourceThatFloodsLeavesRoomForTheChunksOfOthers) {
  const std::size_t each = chunk(0, b, 'b', 0, true).bytes.size();
  Tracker small{{.held_bytes_max = 20 * each, .begin = {.offset = -1}}, first_seen};
  for (Offset at_offset = 0; at_offset < 40; ++at_offset) {
    auto record = chunk(at_offset, b, 'b', 0, true);
    const auto prices = packed();
    record.bytes =
        log::encode(log::ChunkRecord{b, hex(sha256(std::to_string(at_offset))).substr(0, 32), 0, true, prices});
    ASSERT_TRUE(small.take(record, at));
  }
  const auto is_held = [](const Pending& pending) { return pending.chunks[0].held.has_value(); };
  EXPECT_EQ(std::ranges::count_if(small.pending().at("carrier-b"), is_held), 15);
  const BatchHeader quiet = header_of("quiet", "key", 1);
  ASSERT_TRUE(small.take(chunk(40, quiet, 'c', 0, true), at));
  EXPECT_TRUE(is_held(small.pending().at("quiet").front()));
}

}  // namespace
}  // namespace ratebook::writer
