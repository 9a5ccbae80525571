#include "sim/scheduler.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace ratebook::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct SchedulerTest : testing::Test {
  Trace trace{false};
  Scheduler scheduler{1, trace};
  ProcessPointer process = scheduler.make_process("one");
};

TEST_F(SchedulerTest, TasksRunInTheOrderOfTheirTimes) {
  std::vector<int> order;
  for (const int i : {3, 1, 2}) {
    scheduler.spawn(process, [&, i] {
      scheduler.sleep(milliseconds{i});
      order.push_back(i);
    });
  }
  scheduler.run(seconds{1});
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
  EXPECT_EQ(scheduler.now(), seconds{1});
}

TEST_F(SchedulerTest, ASleeperWakesAtItsTimeExactly) {
  Time woken{};
  scheduler.spawn(process, [&] {
    scheduler.sleep(milliseconds{7});
    woken = scheduler.now();
  });
  scheduler.run(seconds{1});
  EXPECT_EQ(woken, milliseconds{7});
}

TEST_F(SchedulerTest, KillingUnwindsATaskAndRunsItsDestructors) {
  struct Guard {
    bool& gone;
    ~Guard() { gone = true; }
  };
  bool gone = false;
  bool went_on = false;
  scheduler.spawn(process, [&] {
    const Guard guard{gone};
    scheduler.sleep(milliseconds{10});
    went_on = true;
  });
  scheduler.at(milliseconds{5}, [&] { scheduler.kill(process); });
  scheduler.run(milliseconds{5});
  EXPECT_TRUE(gone);
  scheduler.run(seconds{1});
  EXPECT_FALSE(went_on);
}

TEST_F(SchedulerTest, AKilledProcessThatNeverRanDoesNot) {
  bool ran = false;
  scheduler.spawn(process, [&] { ran = true; });
  scheduler.kill(process);
  scheduler.run(seconds{1});
  EXPECT_FALSE(ran);
}

TEST_F(SchedulerTest, APausedProcessWaitsWhileOthersGoOn) {
  std::vector<std::string> order;
  const auto other = scheduler.make_process("two");
  const auto work = [&](const std::string& name) {
    return [&order, name, this] {
      scheduler.sleep(milliseconds{2});
      order.push_back(name);
    };
  };
  scheduler.spawn(process, work("paused"));
  scheduler.spawn(other, work("other"));
  scheduler.at(milliseconds{1}, [&] { scheduler.pause(process, milliseconds{50}); });
  scheduler.run(milliseconds{50});
  EXPECT_EQ(order, std::vector<std::string>{"other"});
  scheduler.run(seconds{1});
  EXPECT_EQ(order, (std::vector<std::string>{"other", "paused"}));
}

TEST_F(SchedulerTest, ASignalWakesBeforeTheTimeIsOver) {
  const Signal signal = scheduler.make_signal();
  Time woken{};
  Time timed_out{};
  scheduler.spawn(process, [&] {
    signal.wait_past(signal.count(), seconds{5});
    woken = scheduler.now();
    signal.wait_past(signal.count(), milliseconds{100});
    timed_out = scheduler.now();
  });
  scheduler.at(milliseconds{3}, [&] { signal.notify(); });
  scheduler.run(seconds{10});
  EXPECT_EQ(woken, milliseconds{3});
  EXPECT_EQ(timed_out, milliseconds{103});
}

TEST_F(SchedulerTest, ASignalThatHasPassedDoesNotBlock) {
  const Signal signal = scheduler.make_signal();
  Time woken{-1};
  signal.notify();
  scheduler.spawn(process, [&] {
    signal.wait_past(0, seconds{5});
    woken = scheduler.now();
  });
  scheduler.run(seconds{10});
  EXPECT_EQ(woken, Time{0});
}

TEST_F(SchedulerTest, ACallUnderWayMayTakeEffectAfterItsCallerDied) {
  int effects = 0;
  for (int i = 0; i < 200; ++i) {
    const auto caller = scheduler.make_process("caller");
    scheduler.spawn(caller, [&] {
      (void)scheduler.call<int>(milliseconds{10}, milliseconds{1}, [&effects] { return ++effects; });
    });
    scheduler.at(scheduler.now() + milliseconds{5}, [this, caller] { scheduler.kill(caller); });
  }
  scheduler.run(seconds{1});
  EXPECT_GT(effects, 0);
  EXPECT_LT(effects, 200);
}

TEST_F(SchedulerTest, ACallAnswersWithWhatItDid) {
  int answer = 0;
  scheduler.spawn(process, [&] { answer = scheduler.call<int>(milliseconds{10}, milliseconds{1}, [] { return 42; }); });
  scheduler.run(seconds{1});
  EXPECT_EQ(answer, 42);
}

TEST_F(SchedulerTest, AJoinWaitsForTheEndOfATaskThatLives) {
  Time joined{-1};
  scheduler.spawn(process, [&] {
    const Join join = scheduler.spawn(process, [&] { scheduler.sleep(milliseconds{10}); });
    join();
    joined = scheduler.now();
  });
  scheduler.run(seconds{1});
  EXPECT_EQ(joined, milliseconds{10});
}

TEST_F(SchedulerTest, NobodyWaitsForATaskOfADeadProcess) {
  bool ended = false;
  Join join;
  scheduler.spawn(process, [&] {
    join = scheduler.spawn(process, [&] { scheduler.sleep(std::chrono::hours{1}); });
    const std::shared_ptr<void> guard{nullptr, [&](void*) {
                                        join();
                                        ended = true;
                                      }};
    scheduler.sleep(std::chrono::hours{1});
  });
  scheduler.at(milliseconds{5}, [&] { scheduler.kill(process); });
  scheduler.run(seconds{1});
  EXPECT_TRUE(ended);
  join();
}

TEST_F(SchedulerTest, AnEscapedExceptionStopsTheRunAndIsTold) {
  scheduler.spawn(process, [] { throw std::runtime_error{"boom"}; });
  scheduler.run(seconds{1});
  EXPECT_EQ(scheduler.escaped_exception(), "boom");
}

TEST_F(SchedulerTest, WhatStillWaitsAtTheEndIsUnwound) {
  bool gone = false;
  {
    Scheduler inner{1, trace};
    inner.spawn(inner.make_process("waits"), [&] {
      const std::shared_ptr<void> guard{nullptr, [&](void*) { gone = true; }};
      inner.sleep(std::chrono::hours{1});
    });
    inner.run(seconds{1});
    EXPECT_FALSE(gone);
  }
  EXPECT_TRUE(gone);
}

TEST_F(SchedulerTest, EqualTimesAreOrderedByTheSeed) {
  const auto order_of = [](std::uint64_t seed) {
    Trace own{false};
    Scheduler seeded{seed, own};
    std::vector<int> order;
    for (int i = 0; i < 20; ++i) seeded.at(milliseconds{1}, [&order, i] { order.push_back(i); });
    seeded.run(seconds{1});
    return order;
  };
  EXPECT_EQ(order_of(1), order_of(1));
  EXPECT_NE(order_of(1), order_of(2));
}

TEST_F(SchedulerTest, ANodesClockStartsAnywhereAndRunsAtItsOwnRate) {
  const auto clocks = std::make_shared<Clocks>(Clocks{seconds{100}, 1.05, 5000});
  const Runtime runtime = make_runtime(scheduler, clocks, process);
  scheduler.run(seconds{10});
  EXPECT_EQ(runtime.boot_time(), seconds{100} + milliseconds{10'500});
  EXPECT_EQ(runtime.wall_time(), 15'000);
}

}  // namespace
}  // namespace ratebook::sim
