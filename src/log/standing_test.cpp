// Whether a partition is the store's: what proves it, what speaks against it, and how long that holds.
#include "log/standing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "log/look.hpp"

namespace ratebook::log {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class StandingTest : public ::testing::Test {
 protected:
  void prove(std::uint32_t partition, Offset position = -1) {
    standing.proven(partition, standing.begin_look(partition), position);
  }

  Runtime runtime = machine_runtime();
  Standing standing{runtime, 2};
};

TEST_F(StandingTest, NothingIsVouchedForBeforeTheFirstLook) {
  EXPECT_THAT(*standing.doubt(1), HasSubstr("not yet"));
  EXPECT_EQ(standing.other(1), std::nullopt) << "nothing speaks against it";
  prove(1);
  EXPECT_EQ(standing.doubt(1), std::nullopt);
  EXPECT_THAT(*standing.first_doubt(), HasSubstr("partition 0"));
  prove(0);
  EXPECT_EQ(standing.first_doubt(), std::nullopt);
}

TEST_F(StandingTest, TheFirstLookIsWaitedFor) {
  const std::jthread later{[&] {
    std::this_thread::sleep_for(50ms);
    prove(0);
  }};
  EXPECT_EQ(standing.doubt(0, 60s), std::nullopt);
}

TEST_F(StandingTest, AnotherLogIsNotWaitedFor) {
  standing.is_other(0, "another", true);
  const BootTime began = runtime.boot_time();
  EXPECT_EQ(standing.doubt(0, 60s), "another");
  EXPECT_LT(runtime.boot_time() - began, 30s);
}

TEST_F(StandingTest, TheRightLogsReturnClearsIt) {
  prove(0);
  EXPECT_TRUE(standing.is_other(0, "another", true));
  EXPECT_FALSE(standing.is_other(0, "another one", true)) << "no news";
  EXPECT_EQ(standing.doubt(0), "another one");
  EXPECT_EQ(standing.first_doubt(), "another one");
  EXPECT_TRUE(standing.proven(0, standing.begin_look(0), 3));
  EXPECT_EQ(standing.doubt(0), std::nullopt);
}

TEST_F(StandingTest, ALookThatBeganBeforeTheContraryWasFoundProvesNothing) {
  prove(0);
  const auto start = standing.begin_look(0);
  standing.is_other(0, "another", false);
  EXPECT_FALSE(standing.proven(0, start, 3));
  EXPECT_EQ(standing.doubt(0), "another");
}

TEST_F(StandingTest, WhatWasSentWhileItWasAnotherLogIsInDoubtAfterwards) {
  prove(0);
  const auto start = standing.begin_look(0);
  EXPECT_EQ(standing.doubt_since(0, start), std::nullopt);
  standing.is_other(0, "another", true);
  prove(0);
  EXPECT_THAT(*standing.doubt_since(0, start), HasSubstr("for a while"));
  EXPECT_EQ(standing.doubt_since(0, standing.begin_look(0)), std::nullopt);
}

TEST_F(StandingTest, WhatAForeignLogShowedIsForgotten) {
  standing.reaches(0, 10, standing.reach(0));
  prove(0, 4);
  standing.reaches(0, 30, standing.reach(0));
  EXPECT_EQ(standing.reach(0).end, 30);
  standing.is_other(0, "another", true);
  EXPECT_EQ(standing.reach(0).end, 5) << "as far as was proven: an old position is true of more than one log";
  standing.reaches(0, 40, standing.reach(0));
  EXPECT_EQ(standing.reach(0).end, 5);
  prove(0, 12);
  EXPECT_EQ(standing.reach(0).end, 13);
}

TEST_F(StandingTest, WhatALogThatWasCutShortHadIsRemembered) {
  prove(0);
  standing.reaches(0, 14, standing.reach(0));
  standing.is_other(0, "ends at 3", false);
  EXPECT_EQ(standing.reach(0).end, 14);
}

TEST_F(StandingTest, AnAnswerThatWasUnderWayWhenTheLogChangedSaysNothing) {
  prove(0, 2);
  const auto in_ours = standing.reach(0);
  standing.is_other(0, "another", true);
  const auto in_another = standing.reach(0);
  prove(0, 2);
  standing.reaches(0, 20, in_ours);
  standing.reaches(0, 30, in_another);
  EXPECT_EQ(standing.reach(0).end, 3);
  standing.reaches(0, 5, standing.reach(0));
  EXPECT_EQ(standing.reach(0).end, 5);
}

/// Records 5, 7 and 8.
class ShortLog final : public Log {
 public:
  std::uint32_t partition_count() const override { return 1; }
  bool is_part_of_store() const override { return false; }
  Result<Offset> append(std::uint32_t, const RecordSource&) override { return 0; }
  Result<std::vector<StoredRecord>> read(std::uint32_t, Offset from, std::size_t, Duration) override {
    if (is_silent) return fail(Failure::unavailable, "silent");
    if (from < 5) return fail(Failure::damaged, "trimmed");
    for (const Offset offset : {5, 7, 8}) {
      if (offset >= from) return std::vector{StoredRecord{offset, std::to_string(offset)}};
    }
    return std::vector<StoredRecord>{};
  }
  Assignment assignment() override { return {}; }
  Result<void> trim(std::uint32_t, Offset) override { return {}; }

  bool is_silent = false;
};

TEST(LogLook, TellsTheStoresLogFromAnother) {
  using Finding = Look::Finding;
  ShortLog log;
  const auto finding = [&](Offset offset, std::string_view bytes) {
    return look_at(log, 0, {offset, sha256(bytes)})->finding;
  };
  EXPECT_EQ(finding(7, "7"), Finding::same);
  EXPECT_EQ(finding(7, "8"), Finding::other);
  EXPECT_EQ(finding(6, "6"), Finding::other) << "it has no such record, but later ones";
  EXPECT_EQ(finding(9, "9"), Finding::ends_before);
  EXPECT_EQ(finding(4, "4"), Finding::trimmed);
  EXPECT_EQ(look_at(log, 0, {})->finding, Finding::same) << "it names no record";
  EXPECT_THAT(look_at(log, 0, {8, sha256("x")})->why, HasSubstr("connect the log that belongs to this store"));
  log.is_silent = true;
  EXPECT_EQ(look_at(log, 0, {7, sha256("7")}).error().failure, Failure::unavailable) << "silence says nothing";
}

}  // namespace
}  // namespace ratebook::log
