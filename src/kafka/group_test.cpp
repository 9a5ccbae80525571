// Who writes which partition: shared, handed over, taken over, given up.
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "kafka/test_broker.hpp"

namespace ratebook::kafka {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

bool comes_true(const std::function<bool()>& condition, Duration at_most = 20s) {
  const BootTime until = test_runtime().boot_time() + at_most;
  while (!condition()) {
    if (test_runtime().boot_time() > until) return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

std::size_t count_of(KafkaLog& log) { return log.assignment().partitions.size(); }

TEST(KafkaGroup, TwoNodesShareThePartitionsAndOneTakesOver) {
  const auto options = test_options(6);
  const auto first = open_log(options);
  ASSERT_TRUE(comes_true([&] { return count_of(*first) == 6; }));
  const auto generation = first->assignment().generation;
  auto second = open_log(options);
  ASSERT_TRUE(comes_true([&] { return count_of(*first) == 3 && count_of(*second) == 3; }));
  EXPECT_GT(first->assignment().generation, generation);
  const auto ours = first->assignment().partitions;
  const auto theirs = second->assignment().partitions;
  std::set<std::uint32_t> all(ours.begin(), ours.end());
  all.insert(theirs.begin(), theirs.end());
  EXPECT_EQ(all.size(), 6U);
  second.reset();
  EXPECT_TRUE(comes_true([&] { return count_of(*first) == 6; }));
}

TEST(KafkaGroup, WhoLeavesHandsOverForGoodAndStillReads) {
  const auto options = test_options(2);
  const auto first = open_log(options);
  ASSERT_TRUE(comes_true([&] { return count_of(*first) == 2; }));
  first->leave("a newer format", log::Leave::for_good);
  EXPECT_TRUE(comes_true([&] { return count_of(*first) == 0; }));
  const auto second = open_log(options);
  EXPECT_TRUE(comes_true([&] { return count_of(*second) == 2; }));
  first->rejoin();
  EXPECT_FALSE(comes_true([&] { return count_of(*first) > 0; }, 1s));
  ASSERT_TRUE(append_one(*first, 0, "a"));
  EXPECT_EQ(first->read(0, 0, 1, 0s)->size(), 1U);
}

TEST(KafkaGroup, WhoLeavesForNowTakesItsShareAgain) {
  const auto options = test_options(4);
  const auto first = open_log(options);
  first->leave("no store", log::Leave::for_now);  // maybe before it has joined
  first->rejoin();
  const auto second = open_log(options);
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(comes_true([&] { return count_of(*first) == 2 && count_of(*second) == 2; })) << round;
    first->leave("no store", log::Leave::for_now);
    ASSERT_TRUE(comes_true([&] { return count_of(*first) == 0 && count_of(*second) == 4; })) << round;
    first->rejoin();
  }
}

TEST(KafkaGroup, ASilentBrokerTakesTheAssignmentAwayAndGivesItBack) {
  auto options = test_options(2);
  const auto log = open_log(options);
  ASSERT_TRUE(comes_true([&] { return count_of(*log) == 2; }));
  const auto generation = log->assignment().generation;
  {
    const Stopped stopped;
    EXPECT_TRUE(comes_true([&] { return count_of(*log) == 0; }, 10s));
  }
  EXPECT_TRUE(comes_true([&] { return count_of(*log) == 2; }));
  EXPECT_GT(log->assignment().generation, generation);
}

TEST(KafkaGroup, ClosingIsBoundedWithASilentBroker) {
  auto log = open_log(test_options(2));
  ASSERT_TRUE(comes_true([&] { return count_of(*log) == 2; }));
  ASSERT_TRUE(append_one(*log, 0, "a"));
  EXPECT_EQ(log->read(0, 0, 1, 0s)->size(), 1U);
  const Stopped stopped;
  const BootTime began = test_runtime().boot_time();
  log.reset();
  EXPECT_LT(test_runtime().boot_time() - began, 8s);
}

TEST(KafkaGroup, ClosingBeforeTheFirstAssignmentEndsNothingElse) {
  for (const auto wait : {0ms, 5ms, 20ms, 40ms}) {
    auto options = test_options(2);
    options.close_time_max = 100ms;
    auto log = open_log(options);
    std::this_thread::sleep_for(wait);
    const Stopped stopped;
    log.reset();
  }
}

}  // namespace
}  // namespace ratebook::kafka
