// Who is served when more waits than one turn can take (rule 22), and when an attempt that nobody ends is given up
// although its partition changes hands all the time (rule 3).
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "model/packed_chunk.hpp"
#include "store/testing.hpp"
#include "writer/writer.hpp"

namespace ratebook::writer {
namespace {

using namespace std::chrono_literals;

/// Its records are there from the start, and are read a few at a time.
class LongLog final : public log::Log {
 public:
  explicit LongLog(BootTime& now) : now_(now) {}

  std::uint32_t partition_count() const override { return 1; }
  bool is_part_of_store() const override { return false; }
  Result<Offset> append(std::uint32_t, const log::RecordSource& source) override {
    const auto record = log::decode(**source());
    abandoned.emplace_back(std::get<log::AbandonRecord>(*record).attempt.front(), now_);
    return std::ssize(records);
  }
  Result<Offset> end(std::uint32_t) override { return std::min(read_before, std::ssize(records)); }
  Result<std::vector<log::StoredRecord>> read(std::uint32_t, Offset from, std::size_t bytes_max,
                                              Duration wait) override {
    now_ += 1ms;
    const auto count = bytes_max == 1 ? 1 : read_count;
    const auto begin = records.begin() + std::min(from, std::ssize(records));
    const auto end = begin + std::min<Offset>(count, records.end() - begin);
    if (begin == end) now_ += wait;
    read_before = std::max(read_before, from + (end - begin));
    return std::vector(begin, end);
  }
  log::Assignment assignment() override { return assigned(now_); }
  Result<void> trim(std::uint32_t, Offset) override { return {}; }

  std::vector<log::StoredRecord> records;
  Offset read_count = 10;  ///< in one call
  Offset read_before = 0;  ///< nothing from here on was read
  std::function<log::Assignment(BootTime)> assigned = [](BootTime) { return log::Assignment{1, {0}}; };
  std::vector<std::pair<char, BootTime>> abandoned;  ///< attempts, and when

 private:
  BootTime& now_;
};

class CountingStore final : public store::testing::UnaskedStore {
 public:
  CountingStore(const Runtime& runtime, LongLog& log) : UnaskedStore(runtime), log_(log) {}

  Result<store::Claim> claim(std::uint32_t) override { return store::Claim{.epoch = ++epoch_, .position = {-1, {}}}; }
  Result<std::vector<PortNumber>> number_ports(std::span<const PortCode> codes) override {
    return std::vector<PortNumber>(codes.size());
  }
  Result<std::optional<Batch>> batch(const std::string&) override { return std::nullopt; }
  double stage_rest() const override { return rest; }
  Result<void> stage(const store::StageRequest&) override {
    if (rest > 0) now_passes(1s);
    return {};
  }
  Result<std::vector<store::Outcome>> publish(const store::PublishRequest& request) override {
    for (const auto& decision : request.decisions) {
      published += std::get<store::CommitDecision>(decision).attempt.back();
    }
    waiting_max = std::max(waiting_max, log_.read_before - std::ssize(published));
    if (is_enough()) stop.request_stop();
    return std::vector<store::Outcome>(request.decisions.size());
  }

  double rest = 0;
  std::function<void(Duration)> now_passes;
  std::function<bool()> is_enough;
  std::string published;   ///< the last digit of each attempt
  Offset waiting_max = 0;  ///< records read and not decided
  std::stop_source stop;

 private:
  LongLog& log_;
  std::uint64_t epoch_ = 0;
};

class FairnessTest : public ::testing::Test {
 protected:
  FairnessTest() {
    runtime_.boot_time = [this] { return now_; };
    runtime_.sleep = [this](Duration time) { now_ += time; };
    store_.now_passes = [this](Duration time) { now_ += time; };
    // Whatever happens, a test ends.
    store_.is_enough = [this] { return std::ssize(store_.published) == batches_; };
  }

  /// `digit` is hexadecimal and ends the attempt's name.
  void add(char digit, const std::string& source, std::uint32_t chunks = 1) {
    std::string bytes;
    pack_chunk({{*PortCode::parse("CNSGH"), *PortCode::parse("NLRTM")}, {{0, 1, Day{18628}, Cents{100}}}}, bytes);
    BatchHeader header{.source = source, .key = std::to_string(batches_), .price_count = chunks};
    header.id = batch_id(source, header.key, header.digest);
    std::string attempt = std::to_string(batches_++) + digit;
    attempt.insert(0, 32 - attempt.size(), '0');
    for (std::uint32_t number = 0; number < chunks; ++number) {
      log_.records.push_back({std::ssize(log_.records),
                              log::encode(log::ChunkRecord{header, attempt, number, number + 1 == chunks, bytes})});
    }
  }
  /// The first chunk of two: of an attempt whose node is dead.
  static std::string open_chunk(char digit) {
    std::string bytes;
    pack_chunk({{*PortCode::parse("CNSGH"), *PortCode::parse("NLRTM")}, {{0, 1, Day{18628}, Cents{100}}}}, bytes);
    const BatchHeader header{.id = batch_id("dead", "k", {}), .source = "dead", .key = "k", .price_count = 2};
    return log::encode(log::ChunkRecord{header, std::string(32, digit), 0, false, bytes});
  }
  void run(const WriterOptions& options) {
    run_partition(log_, store_, runtime_, 0, options, [](auto&&...) {}, store_.stop.get_token());
  }

  BootTime now_ = 100s;
  Runtime runtime_ = machine_runtime();
  LongLog log_{now_};
  CountingStore store_{runtime_, log_};
  std::ptrdiff_t batches_ = 0;
};

TEST_F(FairnessTest, ASourceThatKeepsManyWaitingStarvesNoOther) {
  std::string order;
  for (int i = 0; i < 500; ++i) {
    const bool is_quiet = i % 50 == 7;
    add(is_quiet ? 'b' : 'a', is_quiet ? "quiet" : "a-flood");
    order += is_quiet ? 'b' : 'a';
  }
  run({.decisions_per_publish = 4});
  EXPECT_EQ(store_.published, order);
}

TEST_F(FairnessTest, ReadingStopsWhileEnoughIsReady) {
  for (int i = 0; i < 2000; ++i) add('a', "a-flood");
  run({.decisions_per_publish = 2});
  EXPECT_EQ(std::ssize(store_.published), 2000);
  EXPECT_LE(store_.waiting_max, 10);
}

TEST_F(FairnessTest, WhatWaitsBehindALargeBatchOfItsOwnSourceIsBoundedToo) {
  add('f', "own", 40);
  for (int i = 0; i < 500; ++i) add('a', "own");
  store_.rest = 10;
  run({.small_batch_chunks = 1, .decisions_per_publish = 5, .pending_max = 50});
  EXPECT_EQ(store_.published, "f" + std::string(500, 'a'));
  EXPECT_LE(log_.read_before, 40 + 501);
  EXPECT_LE(store_.waiting_max, 40 + 50 + 10);
}

TEST_F(FairnessTest, ALargeBatchBlocksNothingOfOtherSourcesThatIsReadable) {
  add('f', "large", 40);
  for (int i = 0; i < 100; ++i) add('a', "small");
  store_.rest = 10;
  run({.small_batch_chunks = 1, .decisions_per_publish = 5, .pending_max = 50});
  EXPECT_EQ(store_.published, std::string(100, 'a') + "f");
}

TEST_F(FairnessTest, LargeBatchesGoInTheOrderOfTheLog) {
  add('1', "z-first", 4);
  for (char each = '2'; each <= '9'; ++each) add(each, "a-flood", 4);
  run({.small_batch_chunks = 1});
  EXPECT_EQ(store_.published.front(), '1');
}

/// Assigned here in every other stretch of `time`, or, with `stays`, in each of them anew.
std::function<log::Assignment(BootTime)> restless(Duration time, bool stays) {
  return [time, stays](BootTime now) {
    const auto generation = static_cast<std::uint64_t>(now / time);
    if (!stays && generation % 2 == 0) return log::Assignment{generation, {}};
    return log::Assignment{generation, {0}};
  };
}

TEST_F(FairnessTest, APartitionThatIsAssignedAnewAllTheTimeStillGivesUpWhatNobodyEnds) {
  for (const bool stays : {true, false}) {
    log_.abandoned.clear();
    log_.records.clear();
    log_.records.push_back({0, open_chunk('d')});
    const BootTime began = now_;
    log_.assigned = [&, whose = restless(180s, stays)](BootTime now) {
      if (!log_.abandoned.empty() || now > began + 2h) store_.stop.request_stop();
      return whose(now);
    };
    store_.stop = {};
    run({.attempt_time_max = 120s});
    ASSERT_EQ(log_.abandoned.size(), 1U) << stays;
    EXPECT_EQ(log_.abandoned.front().first, 'd');
    EXPECT_GE(log_.abandoned.front().second - began, 240s) << "never before 2 T";
    EXPECT_LE(log_.abandoned.front().second - began, 600s) << "the first assignment after 2 T";
  }
}

TEST_F(FairnessTest, WhatWasSeenWhileAnotherNodeWroteCounts) {
  const BootTime began = now_;
  log_.assigned = [&](BootTime now) {
    // The chunk comes while this node watches; it is assigned the partition after 2 T.
    if (now > began + 10s && log_.records.empty()) log_.records.push_back({0, open_chunk('d')});
    if (!log_.abandoned.empty() || now > began + 1h) store_.stop.request_stop();
    return now > began + 260s ? log::Assignment{2, {0}} : log::Assignment{1, {}};
  };
  run({.attempt_time_max = 120s});
  ASSERT_EQ(log_.abandoned.size(), 1U);
  EXPECT_LE(log_.abandoned.front().second - began, 262s);
}

}  // namespace
}  // namespace ratebook::writer
