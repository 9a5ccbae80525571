#include "log/attempt.hpp"

#include <gtest/gtest.h>

#include <deque>

#include "log/standing.hpp"

namespace ratebook::log {
namespace {

/// Answers each append as scripted and keeps what it was given; on `unknown` all but the last record is in.
class ScriptedLog final : public Log {
 public:
  enum class Answer { ack, late_ack, refused, unknown };
  std::deque<Answer> script;
  std::vector<Record> records;
  BootTime now{};
  std::optional<Standing> known;  ///< nullopt: it can be no other log
  std::function<void()> on_append = [] {};
  Duration silence{};  ///< before nobody can say what came of a record

  std::uint32_t partition_count() const override { return 4; }
  bool is_part_of_store() const override { return false; }
  Standing* standing() override { return known ? &*known : nullptr; }
  Result<Offset> append(std::uint32_t partition, const RecordSource& source) override {
    EXPECT_EQ(partition, partition_of("carrier-a", 4));
    const Answer answer = script.empty() ? Answer::ack : script.front();
    if (!script.empty()) script.pop_front();
    on_append();
    std::vector<std::string> given;
    while (true) {
      auto next = source();
      if (!next) return std::unexpected(next.error());
      if (!*next) break;
      given.push_back(**next);
    }
    if (answer == Answer::refused) return fail(Failure::refused, "down");
    if (answer == Answer::unknown) given.pop_back();
    for (const auto& bytes : given) records.push_back(decode(bytes).value());
    if (answer == Answer::unknown) {
      now += silence;
      return fail(Failure::unknown, "no answer");
    }
    if (answer == Answer::late_ack) now += 2 * attempt_time_max;
    return static_cast<Offset>(records.size()) - 1;
  }
  Result<std::vector<StoredRecord>> read(std::uint32_t, Offset from, std::size_t, Duration) override {
    if (from >= static_cast<Offset>(records.size())) return std::vector<StoredRecord>{};
    return std::vector{StoredRecord{from, encode(records[static_cast<std::size_t>(from)])}};
  }
  Assignment assignment() override { return {}; }
  Result<void> trim(std::uint32_t, Offset) override { return {}; }
};

class AttemptTest : public testing::Test {
 protected:
  AttemptTest() {
    header.digest = sha256("content");
    header.id = batch_id(header.source, header.key, header.digest);
    runtime.boot_time = [this] { return log.now; };
  }
  Result<Submitted> put() {
    return put_batch(log, runtime, header, 2, [](std::size_t) { return std::string{"prices"}; });
  }
  const ChunkRecord& chunk(std::size_t at) { return std::get<ChunkRecord>(log.records.at(at)); }

  ScriptedLog log;
  Runtime runtime = machine_runtime();
  BatchHeader header{.source = "carrier-a", .key = "key", .price_count = 2};
};

using Answer = ScriptedLog::Answer;

TEST_F(AttemptTest, ChunksAreNumberedAndTheLastOneSaysSo) {
  const auto submitted = put();
  ASSERT_TRUE(submitted);
  ASSERT_EQ(log.records.size(), 2U);
  EXPECT_EQ(chunk(0).number, 0U);
  EXPECT_FALSE(chunk(0).last);
  EXPECT_EQ(chunk(1).number, 1U);
  EXPECT_TRUE(chunk(1).last);
  EXPECT_EQ(chunk(1).attempt, submitted->attempt);
  EXPECT_EQ(chunk(1).batch, header);
  EXPECT_EQ(submitted->last.offset, 1);
}

TEST_F(AttemptTest, NothingIsAddedToADoubtfulAttempt) {
  log.script = {Answer::unknown};
  const auto submitted = put();
  ASSERT_TRUE(submitted);
  ASSERT_EQ(log.records.size(), 4U);  // its chunk 0, its abandon record, then both chunks of a new one
  EXPECT_EQ(std::get<AbandonRecord>(log.records[1]).attempt, chunk(0).attempt);
  EXPECT_NE(submitted->attempt, chunk(0).attempt);
  EXPECT_EQ(chunk(2).attempt, submitted->attempt);
  EXPECT_EQ(chunk(2).number, 0U);
}

TEST_F(AttemptTest, ALateAcknowledgementIsNotVouchedFor) {
  log.script = {Answer::late_ack};
  const auto submitted = put();
  ASSERT_TRUE(submitted);
  ASSERT_EQ(log.records.size(), 4U);
  EXPECT_NE(submitted->attempt, chunk(0).attempt);
}

TEST_F(AttemptTest, DoubtAllTheWayIsSaidToBeUnknown) {
  log.script.assign(20, Answer::unknown);
  const auto submitted = put();
  ASSERT_FALSE(submitted);
  EXPECT_EQ(submitted.error().failure, Failure::unknown);
}

TEST_F(AttemptTest, NoNewAttemptIsBegunWhenAClientHasWaitedLong) {
  log.silence = std::chrono::seconds{6};
  log.script = {Answer::unknown};
  const auto submitted = put();
  ASSERT_FALSE(submitted);
  EXPECT_EQ(submitted.error().failure, Failure::unknown);
  ASSERT_EQ(log.records.size(), 2U);  // its chunk 0, and that it is abandoned
  EXPECT_EQ(std::get<AbandonRecord>(log.records[1]).attempt, chunk(0).attempt);
}

TEST_F(AttemptTest, WhoeverGivesUpDoubtfulAttemptsIsToldOfThem) {
  log.script = {Answer::unknown};
  std::vector<std::string> given_up;
  const auto submitted = put_batch(
      log, runtime, header, 2, [](std::size_t) { return std::string{"prices"}; }, 3, attempt_time_max,
      [&](std::uint32_t partition, const std::string& attempt) {
        EXPECT_EQ(partition, partition_of("carrier-a", 4));
        given_up.push_back(attempt);
      });
  ASSERT_TRUE(submitted);
  ASSERT_EQ(log.records.size(), 3U);  // chunk 0 of the first attempt, both of the second, no other record
  EXPECT_EQ(given_up, std::vector{chunk(0).attempt});
}

TEST_F(AttemptTest, ARefusalAloneIsSurelyNotIn) {
  log.script = {Answer::refused};
  const auto submitted = put();
  ASSERT_FALSE(submitted);
  EXPECT_EQ(submitted.error().failure, Failure::refused);
  EXPECT_TRUE(log.records.empty());
}

TEST_F(AttemptTest, ARefusalAfterDoubtIsStillDoubt) {
  log.script = {Answer::unknown, Answer::ack, Answer::refused};  // attempt, its abandon record, new attempt
  const auto submitted = put();
  ASSERT_FALSE(submitted);
  EXPECT_EQ(submitted.error().failure, Failure::unknown);
}

TEST_F(AttemptTest, AnUnreadableSpoolVoidsTheAttempt) {
  const auto submitted = put_batch(log, runtime, header, 2, [](std::size_t index) -> Result<std::string> {
    if (index == 1) return fail(Failure::damaged, "spool");
    return std::string{"prices"};
  });
  ASSERT_FALSE(submitted);
  EXPECT_EQ(submitted.error().failure, Failure::damaged);
  ASSERT_EQ(log.records.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<AbandonRecord>(log.records[0]));
}

TEST_F(AttemptTest, AnUnreadableSpoolAfterDoubtIsStillDoubt) {
  log.script = {Answer::unknown};  // the first attempt may be in all the same
  int attempts = 0;
  const auto submitted = put_batch(log, runtime, header, 2, [&](std::size_t index) -> Result<std::string> {
    if (index == 0 && ++attempts == 2) return fail(Failure::damaged, "spool");
    return std::string{"prices"};
  });
  ASSERT_FALSE(submitted);
  EXPECT_EQ(attempts, 2);
  EXPECT_EQ(submitted.error().failure, Failure::unknown);
}

TEST_F(AttemptTest, AnyNodeFindsABatchByItsPlace) {
  const auto submitted = put();
  ASSERT_TRUE(submitted);
  const auto found = find_batch(log, submitted->last, header.id);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ(**found, header);
  EXPECT_FALSE(*find_batch(log, submitted->last, std::string(32, '0')));
  EXPECT_FALSE(*find_batch(log, {submitted->last.partition, 99}, header.id));
}

TEST(PlaceTest, ReadsWhatItWrites) {
  const auto place = parse_place(format_place({3, 1042}));
  ASSERT_TRUE(place);
  EXPECT_EQ(place->partition, 3U);
  EXPECT_EQ(place->offset, 1042);
  for (const char* bad : {"", "3", "3-", "-4", "3--1", "3-1042x", "x-1", "3-99999999999999999999"}) {
    EXPECT_FALSE(parse_place(bad)) << bad;
  }
}

TEST(RecordTest, AnyBytesAreARecordOrSayWhyNot) {
  const BatchHeader header{.id = batch_id("a", "k", {}), .source = "a", .key = "k", .price_count = 1};
  const auto bytes = encode(ChunkRecord{header, std::string(32, 'a'), 0, true, "prices"});
  ASSERT_TRUE(decode(bytes));
  EXPECT_EQ(encode(*decode(bytes)), bytes);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto cut_off = decode(bytes.substr(0, length));
    ASSERT_FALSE(cut_off) << length;
    EXPECT_EQ(cut_off.error().failure, Failure::damaged) << length;
  }
  BatchHeader other = header;
  other.id = std::string(32, '0');
  EXPECT_EQ(decode(encode(ChunkRecord{other, std::string(32, 'a'), 0, true, ""})).error().failure, Failure::damaged);
}

/// Of rule 23: the partition of `header` is the store's, or another log's.
class AttemptInDoubtTest : public AttemptTest {
 protected:
  AttemptInDoubtTest() {
    log.known.emplace(runtime, 4);
    log.known->proven(partition, {}, -1);
  }
  void find_another() { log.known->is_other(partition, "record 7 has other bytes", true); }
  void find_the_right_one() { log.known->proven(partition, log.known->begin_look(partition), -1); }

  const std::uint32_t partition = partition_of("carrier-a", 4);
};

TEST_F(AttemptInDoubtTest, TheStoresLogTakesIt) {
  EXPECT_TRUE(put());
  EXPECT_TRUE(put_retraction(log, {header.id, "carrier-a", 1}));
}

TEST_F(AttemptInDoubtTest, AnotherLogIsGivenNothing) {
  find_another();
  const auto refused = put();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::refused);
  EXPECT_EQ(refused.error().message, "record 7 has other bytes");
  EXPECT_EQ(put_retraction(log, {header.id, "carrier-a", 1}).error().failure, Failure::refused);
  EXPECT_EQ(abandon(log, partition, "an attempt").error().failure, Failure::refused);
  EXPECT_TRUE(log.records.empty());
  find_the_right_one();
  EXPECT_TRUE(put());
}

TEST_F(AttemptInDoubtTest, OneThatTurnsOutToBeAnotherMeanwhileIsNotVouchedFor) {
  log.on_append = [&] { find_another(); };
  const auto unknown = put();
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().failure, Failure::unknown);
  EXPECT_EQ(log.records.size(), 2U) << "no further attempt, and nothing that would abandon the first";
}

TEST_F(AttemptInDoubtTest, NorIsOneThatWasAnotherForAWhile) {
  log.on_append = [&] {
    find_another();
    find_the_right_one();
  };
  EXPECT_EQ(put_retraction(log, {header.id, "carrier-a", 1}).error().failure, Failure::unknown);
  log.script = {Answer::ack};
  EXPECT_EQ(put_batch(
                log, runtime, header, 2, [](std::size_t) { return std::string{"p"}; }, 1)
                .error()
                .failure,
            Failure::unknown);
}

TEST_F(AttemptInDoubtTest, WhatALogWithoutItSaysOfABatchIsNoAnswer) {
  const auto submitted = put();
  ASSERT_TRUE(submitted);
  EXPECT_TRUE(*find_batch(log, submitted->last, header.id));
  find_another();
  EXPECT_EQ(find_batch(log, submitted->last, header.id).error().failure, Failure::unavailable);
}

}  // namespace
}  // namespace ratebook::log
