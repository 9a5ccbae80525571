// How a large batch gives way. What writers promise over faults is the simulator's to prove.
#include "writer/writer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "log/standing.hpp"
#include "model/packed_chunk.hpp"
#include "store/testing.hpp"

namespace ratebook::writer {
namespace {

using namespace std::chrono_literals;

/// Holds its records from the start; waiting for more takes the time that it is allowed.
class HeldLog final : public log::Log {
 public:
  explicit HeldLog(BootTime& now) : now_(now) {}

  std::uint32_t partition_count() const override { return 1; }
  bool is_part_of_store() const override { return is_own; }
  log::Standing* standing() override { return known ? &*known : nullptr; }
  Result<Offset> append(std::uint32_t, const log::RecordSource&) override { return 0; }
  Result<Offset> end(std::uint32_t) override {
    if (absent_from <= now_ && now_ < absent_until) return fail(Failure::unavailable, "absent");
    return std::ssize(records);
  }
  Result<std::vector<log::StoredRecord>> read(std::uint32_t, Offset from, std::size_t bytes_max,
                                              Duration wait) override {
    if (absent_from <= now_ && now_ < absent_until) return fail(Failure::unavailable, "absent");
    if (bytes_max == 1 && !replaced.empty()) return std::vector{log::StoredRecord{from, std::exchange(replaced, "")}};
    on_read();
    const auto end = records.end() - (now_ < late_until ? late : 0);
    const auto begin = std::min(records.begin() + from, end);
    if (begin == end) now_ += wait;
    return std::vector(begin, end);
  }
  log::Assignment assignment() override {
    return is_away ? log::Assignment{generation + 1, {}} : log::Assignment{generation, {0}};
  }
  void leave(const std::string&, log::Leave how) override {
    if (how == log::Leave::for_good) return left_for_good.push_back(now_);
    is_away = true;
    left.push_back(now_);
  }
  void rejoin() override { is_away = false; }
  Result<void> trim(std::uint32_t, Offset before) override {
    trimmed.push_back(before);
    return {};
  }

  std::vector<log::StoredRecord> records;
  BootTime absent_from{};
  BootTime absent_until{};
  std::ptrdiff_t late = 0;  ///< of the last records: not there before
  BootTime late_until{};
  std::optional<log::Standing> known;  ///< nullopt: it can be no other log
  std::string replaced;                ///< what the first look at a record finds
  std::function<void()> on_read = [] {};
  std::vector<Offset> trimmed;  ///< before what
  bool is_own = false;
  bool is_away = false;
  std::uint64_t generation = 1;         ///< of the assignment
  std::vector<BootTime> left;           ///< when, for a while
  std::vector<BootTime> left_for_good;  ///< when

 private:
  BootTime& now_;
};

/// Each chunk takes 100 ms.
class SlowStore final : public store::testing::UnaskedStore {
 public:
  SlowStore(const Runtime& runtime, BootTime& now, double rest) : UnaskedStore(runtime), now_(now), rest_(rest) {}

  Result<store::Claim> claim(std::uint32_t) override {
    if (is_absent()) return fail(Failure::unavailable, "absent");
    ++claims;
    return store::Claim{.epoch = 1, .position = {.offset = position}};
  }
  Result<store::Head> head() override {
    if (is_absent()) return fail(Failure::unavailable, "absent");
    return store::Head{};
  }
  Result<std::vector<PortNumber>> number_ports(std::span<const PortCode> codes) override {
    return std::vector<PortNumber>(codes.size());
  }
  Result<std::optional<Batch>> batch(const std::string& id) override {
    return id == decided ? std::optional{Batch{}} : std::nullopt;
  }
  double stage_rest() const override { return rest_; }
  std::size_t stage_width() const override { return width; }
  Result<void> stage(const store::StageRequest& request) override {
    const std::scoped_lock lock{*mutex_};
    if (is_absent() || now_ < takes_nothing_until) return fail(Failure::unavailable, "takes nothing");
    chunks.push_back(request.chunk);
    staged.emplace_back(request.attempt.front(), now_);
    now_ += 100ms;
    on_stage();
    return {};
  }
  Result<std::vector<store::Outcome>> publish(const store::PublishRequest& request) override {
    for (const auto& decision : request.decisions) {
      published += std::get<store::CommitDecision>(decision).attempt.front();
    }
    swept.insert(swept.end(), request.swept.begin(), request.swept.end());
    on_publish();
    if (published.size() == 2) stop.request_stop();
    return std::vector<store::Outcome>(request.decisions.size());
  }

  Offset position = -1;
  std::size_t claims = 0;
  std::size_t width = 1;                          ///< chunks staged at once
  std::vector<std::uint32_t> chunks;              ///< as they were staged
  std::vector<std::pair<char, BootTime>> staged;  ///< attempts, and when
  std::string published;
  std::vector<std::string> swept;
  std::string decided;  ///< the id of a batch that it knows
  std::function<void()> on_stage = [] {};
  std::function<void()> on_publish = [] {};
  std::stop_source stop;
  std::vector<std::pair<BootTime, BootTime>> absences;  ///< from, until
  BootTime takes_nothing_until{};                       ///< no chunk, though it answers questions

 private:
  bool is_absent() const {
    return std::ranges::any_of(absences, [&](const auto& each) { return each.first <= now_ && now_ < each.second; });
  }

  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();  ///< chunks may come at once
  BootTime& now_;
  double rest_;
};

class WriterTest : public ::testing::Test {
 protected:
  /// `attempt`: a hexadecimal digit.
  void add(char attempt, const std::string& source, std::uint32_t chunks) {
    std::string bytes;
    pack_chunk({{*PortCode::parse("CNSGH"), *PortCode::parse("NLRTM")}, {{0, 1, Day{18628}, Cents{100}}}}, bytes);
    BatchHeader header{.source = source, .key = "k", .price_count = chunks};
    header.id = batch_id(source, header.key, header.digest);
    for (std::uint32_t number = 0; number < chunks; ++number) {
      log_.records.push_back(
          {std::ssize(log_.records),
           log::encode(log::ChunkRecord{header, std::string(32, attempt), number, number + 1 == chunks, bytes})});
    }
  }
  struct Given {
    double rest = 0;
    std::vector<std::pair<Duration, Duration>> absences;  ///< from, until, after now
    Duration takes_nothing = 0s;                          ///< no chunk, from now on
    Offset position = -1;
    std::size_t width = 1;
    std::size_t held_bytes_max = 1u << 20;
    Duration at_most = 1000s;
    std::string decided;  ///< the source of a batch that the store knows
    std::function<void()> on_stage = [] {};
    std::function<void()> on_publish = [] {};
    std::function<std::uint64_t()> history = [] { return std::uint64_t{0}; };
  };
  SlowStore run(const Given& given) {
    runtime_.boot_time = [this] { return now_; };
    SlowStore store{runtime_, now_, given.rest};
    store.position = given.position;
    store.width = given.width;
    store.decided = batch_id(given.decided, "k", Digest{});
    store.on_stage = given.on_stage;
    store.on_publish = given.on_publish;
    store.takes_nothing_until = now_ + given.takes_nothing;
    for (const auto& [from, until] : given.absences) store.absences.emplace_back(now_ + from, now_ + until);
    runtime_.sleep = [&, until = now_ + given.at_most](Duration time) {
      now_ += time;
      if (now_ > until) store.stop.request_stop();
    };
    const WriterOptions options{
        .held_bytes_max = given.held_bytes_max, .small_batch_chunks = 1, .history = given.history};
    run_partition(log_, store, runtime_, 0, options, [](auto&&...) {}, store.stop.get_token());
    return store;
  }

  BootTime now_ = 100s;
  Runtime runtime_ = machine_runtime();
  HeldLog log_{now_};
};

TEST_F(WriterTest, ASmallBatchPassesALargeOne) {
  add('a', "large", 4);
  add('b', "small", 1);
  EXPECT_EQ(run({}).published, "ba");
}

TEST_F(WriterTest, ChunksAreStagedAtOnceWhereTheStoreTakesSeveral) {
  add('a', "large", 5);
  add('b', "small", 1);
  auto store = run({.width = 2});
  EXPECT_EQ(store.published, "ba");
  ASSERT_EQ(store.chunks.size(), 6U);
  std::erase_if(store.staged, [](const auto& each) { return each.first == 'b'; });
  ASSERT_EQ(store.staged.size(), 5U);
  std::ranges::sort(store.chunks);
  EXPECT_EQ(store.chunks, (std::vector<std::uint32_t>{0, 0, 1, 2, 3, 4}));
}

TEST_F(WriterTest, ALargeBatchRestsAsLongAsItsStoreSays) {
  add('a', "large", 4);
  add('b', "small", 1);
  const auto store = run({.rest = 1.5});
  std::vector<BootTime> times;
  for (const auto& [attempt, when] : store.staged) {
    if (attempt == 'a') times.push_back(when);
  }
  ASSERT_EQ(times.size(), 4U);
  for (std::size_t i = 1; i < times.size(); ++i) EXPECT_GE(times[i] - times[i - 1], 250ms);
  EXPECT_LT(times.back() - times.front(), 4 * 250ms) << "no longer than that";
}

TEST_F(WriterTest, WithoutTheStoreForLongTheWritingIsLeftToOthersUntilItAnswers) {
  add('a', "one", 1);
  add('b', "another", 1);
  const BootTime began = now_;
  EXPECT_EQ(run({.absences = {{0s, 150s}}}).published, "ab");
  ASSERT_EQ(log_.left.size(), 1U);
  EXPECT_GE(log_.left.front() - began, 60s);
  EXPECT_LT(log_.left.front() - began, 65s);
  EXPECT_FALSE(log_.is_away);
}

TEST_F(WriterTest, AStoreThatAnswersButTakesNothingForLongIsLeftToOthers) {
  add('a', "one", 1);
  add('b', "another", 1);
  const BootTime began = now_;
  EXPECT_EQ(run({.takes_nothing = 100s}).published, "ab");
  ASSERT_EQ(log_.left.size(), 1U) << "it answers: this node is back at once";
  EXPECT_GE(log_.left.front() - began, 60s);
  EXPECT_LT(log_.left.front() - began, 65s);
}

TEST_F(WriterTest, ALogThatDoesNotAnswerThisNodeForLongIsLeftToOthersUntilItDoes) {
  add('a', "one", 1);
  add('b', "another", 1);
  const BootTime began = now_;
  log_.absent_until = now_ + 150s;
  EXPECT_EQ(run({}).published, "ab");
  ASSERT_EQ(log_.left.size(), 1U);
  EXPECT_GE(log_.left.front() - began, 60s);
  EXPECT_LT(log_.left.front() - began, 65s);
  EXPECT_FALSE(log_.is_away);
}

TEST_F(WriterTest, ALogThatGrowsLittleInEachAssignmentIsTrimmedToo) {
  for (int i = 0; i < 300; ++i) add('0', "before", 1);
  add('a', "one", 1);
  add('b', "another", 1);
  log_.is_own = true;
  EXPECT_EQ(run({.position = 299}).published, "ab");
  EXPECT_EQ(log_.trimmed, std::vector<Offset>{301});
}

TEST_F(WriterTest, AnAttemptThatItsNodeLeftOpenIsNoStall) {
  add('c', "dead", 2);
  log_.records.pop_back();
  add('a', "one", 1);
  add('b', "another", 1);
  log_.late = 2;
  log_.late_until = now_ + 200s;
  log_.absent_from = now_ + 130s;
  log_.absent_until = now_ + 132s;
  EXPECT_EQ(run({}).published, "ab");
  EXPECT_TRUE(log_.left.empty());
}

TEST_F(WriterTest, AFailoverIsWaitedFor) {
  add('a', "one", 1);
  add('b', "another", 1);
  EXPECT_EQ(run({.absences = {{0s, 50s}}}).published, "ab");
  EXPECT_TRUE(log_.left.empty());
}

TEST_F(WriterTest, AbsencesBetweenWhichTheStoreAnsweredDoNotAddUp) {
  add('a', "one", 4);
  add('b', "another", 4);
  // Between two chunks it rests for 10 s, and publishes nothing.
  EXPECT_EQ(run({.rest = 100, .absences = {{0s, 55s}, {60s, 75s}}}).published, "ab");
  EXPECT_TRUE(log_.left.empty());
}

TEST_F(WriterTest, AnotherLogIsNotReadUntilTheStoresIsBack) {
  add('a', "one", 1);
  add('b', "another", 1);
  log_.known.emplace(runtime_, 1);
  log_.known->is_other(0, "another", true);
  const auto store = run({.at_most = 20s});
  EXPECT_EQ(store.published, "");
  EXPECT_EQ(store.claims, 0U);
  log_.known->proven(0, log_.known->begin_look(0), -1);
  EXPECT_EQ(run({}).published, "ab");
}

TEST_F(WriterTest, WhatWasReadAsTheLogTurnedOutToBeAnotherIsNotDecided) {
  add('a', "one", 1);
  add('b', "another", 1);
  log_.known.emplace(runtime_, 1);
  log_.on_read = [&] { log_.known->is_other(0, "another", true); };
  EXPECT_EQ(run({.at_most = 20s}).published, "");
  EXPECT_TRUE(log_.trimmed.empty());
}

TEST_F(WriterTest, NorDoesItSayThatThisReleaseIsTooOld) {
  add('c', "later", 1);
  log_.records.back().bytes += std::string{'\x08', '\x7f'};
  log_.known.emplace(runtime_, 1);
  log_.on_read = [&] { log_.known->is_other(0, "another", true); };
  static_cast<void>(run({.at_most = 20s}));
  EXPECT_TRUE(log_.left_for_good.empty());
}

TEST_F(WriterTest, NorIsWhatIsStagedAsItTurnsOutToBeAnother) {
  add('a', "one", 1);
  add('b', "another", 1);
  log_.known.emplace(runtime_, 1);
  const auto find_another = [&] { log_.known->is_other(0, "another", true); };
  EXPECT_EQ(run({.at_most = 20s, .on_stage = find_another}).published, "");
}

TEST_F(WriterTest, AnotherLogIsNotTrimmed) {
  for (int i = 0; i < 300; ++i) add('0', "before", 1);
  add('a', "one", 1);
  add('b', "another", 1);
  log_.is_own = true;
  log_.known.emplace(runtime_, 1);
  const auto find_another = [&] { log_.known->is_other(0, "another", true); };
  EXPECT_EQ(run({.position = 299, .on_publish = find_another}).published, "ab");
  EXPECT_TRUE(log_.trimmed.empty());
}

TEST_F(WriterTest, APartitionThatWasAwayForAMomentIsClaimedAnew) {
  add('a', "large", 4);
  add('b', "small", 1);
  EXPECT_EQ(run({.on_publish = [&] { log_.generation += 2; }}).claims, 2U);
}

TEST_F(WriterTest, APartitionIsClaimedAnewWhereTheStoreHasAnotherHistory) {
  add('a', "large", 4);
  add('b', "small", 1);
  std::uint64_t histories = 0;
  const auto restore = [&] { ++histories; };
  EXPECT_EQ(run({.on_publish = restore, .history = [&] { return histories; }}).claims, 2U);
}

TEST_F(WriterTest, WhatTheLogDecidedAgainstIsToldToTheStore) {
  add('c', "dead", 2);
  log_.records.pop_back();
  log_.records.push_back({1, log::encode(log::AbandonRecord{std::string(32, 'c')})});
  add('a', "one", 1);
  add('b', "another", 1);
  EXPECT_EQ(run({}).swept, std::vector{std::string(32, 'c')});
}

TEST_F(WriterTest, ALargeBatchThatWasDecidedBeforeIsNotStagedAgain) {
  add('a', "large", 4);
  add('b', "small", 1);
  const auto store = run({.decided = "large"});
  EXPECT_EQ(store.published, "ab");
  ASSERT_EQ(store.staged.size(), 1U);
  EXPECT_EQ(store.staged.front().first, 'b');
}

TEST_F(WriterTest, ALogOfALaterReleaseIsLeftToNodesThatKnowIt) {
  add('a', "one", 1);
  add('c', "later", 1);
  log_.records.back().bytes += std::string{'\x08', '\x7f'};  // the format once more: the last one counts
  const auto store = run({.at_most = 20s});
  EXPECT_EQ(store.published, "");
  EXPECT_FALSE(log_.left_for_good.empty());
  EXPECT_TRUE(log_.left.empty());
}

TEST_F(WriterTest, APositionWhoseRecordHasOtherBytesIsGivenBack) {
  for (int i = 0; i < 3; ++i) add('0', "before", 1);
  add('a', "one", 1);
  add('b', "another", 1);
  log_.known.emplace(runtime_, 1);
  const auto store = run({.position = 2, .at_most = 20s});
  EXPECT_EQ(store.published, "");
  EXPECT_EQ(store.claims, 1U) << "it is known to be another log now";
  EXPECT_TRUE(log_.known->other(0));
}

TEST_F(WriterTest, AChunkThatIsAnotherOneWhenItIsReadAgainIsNotStaged) {
  add('a', "one", 2);
  add('b', "another", 1);
  log_.replaced = log_.records[1].bytes;
  const auto store = run({.held_bytes_max = 0});
  EXPECT_EQ(store.published.size(), 2U);
  EXPECT_EQ(store.claims, 2U) << "begun anew";
}

}  // namespace
}  // namespace ratebook::writer
