// What a look at the log concludes, and how soon. Time moves only where somebody waits.
#include "writer/log_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/testing.hpp"

namespace ratebook::writer {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

/// Records 0, 1, 2, …, each with its number as its bytes, or with what a test puts there.
class NumberedLog final : public log::Log {
 public:
  explicit NumberedLog(const Runtime& runtime) : known{runtime, 1} {}

  std::uint32_t partition_count() const override { return 1; }
  bool is_part_of_store() const override { return false; }
  log::Standing* standing() override { return &known; }
  Result<Offset> append(std::uint32_t, const log::RecordSource&) override { return 0; }
  Result<std::vector<log::StoredRecord>> read(std::uint32_t, Offset from, std::size_t, Duration) override {
    if (is_silent) return fail(Failure::unavailable, "silent");
    if (from < first) return fail(Failure::damaged, "trimmed");
    if (from >= count) return std::vector<log::StoredRecord>{};
    return std::vector{log::StoredRecord{from, prefix + std::to_string(from)}};
  }
  Result<Offset> end(std::uint32_t) override { return count; }
  log::Assignment assignment() override { return {}; }
  Result<void> trim(std::uint32_t, Offset) override { return {}; }

  log::Standing known;
  Offset first = 0;
  Offset count = 0;
  std::string prefix;
  bool is_silent = false;
};

class OneStore final : public store::testing::UnaskedStore {
 public:
  using UnaskedStore::UnaskedStore;
  Result<std::vector<Position>> positions(bool newest) override {
    ++asked;
    if (is_silent) return fail(Failure::unavailable, "silent");
    on_asked(newest);
    return std::vector{newest || !older ? position : *older};
  }
  Result<void> confirm() override { return {}; }
  void stand_at(Offset offset) { position = {offset, sha256(std::to_string(offset))}; }

  Position position;
  std::optional<Position> older;  ///< what a primary that was one says
  std::function<void(bool newest)> on_asked = [](bool) {};
  std::size_t asked = 0;
  bool is_silent = false;
};

class LogCheckTest : public ::testing::Test {
 protected:
  LogCheckTest() : runtime(moving_runtime()), log(runtime), store(runtime) {}

  Runtime moving_runtime() {
    Runtime moving = machine_runtime();
    moving.boot_time = [this] { return now; };
    moving.sleep = [this](Duration time) { now += time; };
    moving.make_signal = [this] {
      const auto count = std::make_shared<std::uint64_t>(0);
      return Signal{[count] { return *count; }, [count] { ++*count; },
                    [this, count](std::uint64_t seen, Duration at_most) {
                      if (*count > seen) return;
                      now += at_most;
                      on_wait();
                    }};
    };
    return moving;
  }
  /// Checks for so long, calling `at_each` whenever time has moved.
  void run_for(Duration time, const std::function<void()>& at_each = [] {}) {
    std::stop_source stop;
    const BootTime until = now + time;
    on_wait = [&] {
      at_each();
      if (now >= until) stop.request_stop();
    };
    check.run(0, stop.get_token());
  }
  /// The store stands at this record, the last of its log, and the first look has found that.
  void prove(Offset position) {
    store.stand_at(position);
    log.count = position + 1;
    run_for(1ms);
  }

  BootTime now = 100s;
  std::function<void()> on_wait = [] {};
  Runtime runtime;
  NumberedLog log;
  OneStore store;
  std::vector<std::string> reports;
  LogCheck check{log, store, runtime, {.report = [this](const Fault& fault) { reports.push_back(fault.message); }}};
};

TEST_F(LogCheckTest, TheStoresLogIsProvenAtOnce) {
  prove(4);
  EXPECT_EQ(log.known.doubt(0), std::nullopt);
  EXPECT_EQ(log.known.reach(0).end, 5);
  EXPECT_TRUE(reports.empty());
}

TEST_F(LogCheckTest, AStoreThatHasReadNothingTakesAnyLog) {
  run_for(1ms);
  EXPECT_EQ(log.known.doubt(0), std::nullopt);
}

TEST_F(LogCheckTest, OtherBytesAtThePositionAreAnotherLogUntilTheRightOneIsBack) {
  prove(4);
  log.prefix = "foreign ";
  run_for(1100ms);
  EXPECT_THAT(log.known.other(0).value_or(""), HasSubstr("other bytes"));
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_THAT(reports[0], HasSubstr("no batches are taken"));
  run_for(3s);
  EXPECT_EQ(reports.size(), 1U) << "said once";
  log.prefix.clear();
  run_for(1100ms);
  EXPECT_EQ(log.known.doubt(0), std::nullopt);
  EXPECT_THAT(reports.back(), HasSubstr("the store's again"));
}

TEST_F(LogCheckTest, ALogThatEndsTooEarlyIsAnotherOneWhenANewLeadersTimeIsOver) {
  prove(4);
  log.count = 0;
  const BootTime began = now;
  bool was_hasty = false;
  run_for(7s, [&] {
    if (now - began < 4500ms) was_hasty = was_hasty || log.known.other(0).has_value();
  });
  EXPECT_FALSE(was_hasty);
  EXPECT_THAT(log.known.other(0).value_or(""), HasSubstr("has no record 4"));
}

TEST_F(LogCheckTest, ALeaderThatLagsForAMomentIsNoOtherLog) {
  store.stand_at(4);
  log.count = 5;
  const BootTime began = now;
  run_for(30s, [&] { log.count = (now - began) % 6s < 3s ? 5 : 2; });
  EXPECT_TRUE(reports.empty());
}

TEST_F(LogCheckTest, ALogThatLostWhatItHadShownIsAnotherOne) {
  store.stand_at(4);
  log.count = 9;
  log.known.reaches(0, 9, log.known.reach(0));
  run_for(1ms);
  EXPECT_EQ(log.known.doubt(0), std::nullopt);
  log.count = 6;
  run_for(7s);
  EXPECT_THAT(log.known.other(0).value_or(""), HasSubstr("ends at 6"));
  EXPECT_THAT(log.known.other(0).value_or(""), HasSubstr("up to 8"));
}

TEST_F(LogCheckTest, ATrimBehindAPositionThatMovesOnIsNoOtherLog) {
  log.count = 1000;
  Offset next = 4;
  store.stand_at(next);
  run_for(30s, [&] {
    log.first = ++next;  // trimmed for a position that this node has not heard of
    store.stand_at(next);
    log.first = next + 1;
  });
  EXPECT_TRUE(reports.empty());
}

TEST_F(LogCheckTest, ARecordThatIsGoneWhileThePositionStandsIsAnotherLog) {
  log.count = 1000;
  store.stand_at(4);
  log.first = 5;
  run_for(7s);
  EXPECT_THAT(log.known.other(0).value_or(""), HasSubstr("has no record 4"));
}

TEST_F(LogCheckTest, APositionThatTheStoreDoesNotConfirmSaysNothingOfATrimmedLog) {
  log.count = 1000;
  store.stand_at(4);
  run_for(1ms);
  store.is_silent = true;
  log.first = 50;
  run_for(30s);
  EXPECT_EQ(log.known.doubt(0), std::nullopt);
}

TEST_F(LogCheckTest, WithoutTheStoreTheLastPositionIsLookedAt) {
  prove(4);
  store.is_silent = true;
  log.prefix = "foreign ";
  run_for(1100ms);
  EXPECT_TRUE(log.known.other(0));
}

TEST_F(LogCheckTest, ALogThatIsSilentIsNoOtherLog) {
  prove(4);
  log.is_silent = true;
  run_for(30s);
  EXPECT_EQ(log.known.doubt(0), std::nullopt);
}

TEST_F(LogCheckTest, ALookIsTakenAtOnceWhereItIsAskedFor) {
  prove(4);
  bool asked = false;
  run_for(600ms, [&] {
    if (std::exchange(asked, true)) return;
    log.prefix = "foreign ";
    log.known.ask_for_look(0);
  });
  EXPECT_TRUE(log.known.other(0));
}

TEST_F(LogCheckTest, TheStoreIsAskedOnceASecond) {
  log.count = 5;
  store.stand_at(4);
  run_for(10s, [&] { log.known.ask_for_look(0); });
  EXPECT_GE(store.asked, 9U);
  EXPECT_LE(store.asked, 11U);
}

TEST_F(LogCheckTest, AnOlderPositionClearsNoDoubt) {
  store.stand_at(4);
  store.older = Position{};  // true of every log
  log.prefix = "foreign ";
  log.count = 5;
  run_for(3s);
  EXPECT_TRUE(log.known.other(0));
  EXPECT_EQ(reports.size(), 1U);
}

TEST_F(LogCheckTest, NorDoesOneThatWasAskedForBeforeTheDoubt) {
  run_for(1ms);  // of a store that has read nothing
  store.stand_at(4);
  log.prefix = "foreign ";
  log.count = 5;
  log.known.is_other(0, "a writer has seen it", true);
  bool was_cleared = false;
  run_for(3s, [&] { was_cleared = was_cleared || !log.known.other(0); });
  EXPECT_FALSE(was_cleared);
}

TEST_F(LogCheckTest, NorDoesOneThatNeedNotBeTheNewestHoweverFreshItIs) {
  prove(4);
  store.older = Position{};
  bool was_found = false;
  store.on_asked = [&](bool newest) {
    if (newest || std::exchange(was_found, true)) return;
    log.prefix = "foreign ";
    log.known.is_other(0, "a writer has seen it", true);
  };
  bool was_cleared = false;
  run_for(4s, [&] {
    was_cleared = was_cleared || (was_found && !log.known.other(0));
    log.known.ask_for_look(0);
  });
  EXPECT_TRUE(was_found);
  EXPECT_FALSE(was_cleared);
}

}  // namespace
}  // namespace ratebook::writer
