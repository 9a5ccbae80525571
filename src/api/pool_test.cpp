#include "api/pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <stdexcept>
#include <thread>

namespace ratebook::api {
namespace {

using namespace std::chrono_literals;

const Runtime pools_runtime = machine_runtime();

TEST(Pool, ThreadsBeginWithTheWorkAndEndWhenThereIsNone) {
  Pool pool{pools_runtime, 8, 100, 10ms};
  EXPECT_EQ(pool.thread_count(), 0U);
  std::latch all{5};
  for (int i = 0; i < 5; ++i) pool.post([&] { all.arrive_and_wait(); });
  all.wait();
  while (pool.thread_count() > 0) std::this_thread::sleep_for(1ms);
  std::latch again{8};
  for (int i = 0; i < 8; ++i) pool.post([&] { again.arrive_and_wait(); });
  again.wait();
}

TEST(Pool, BeyondItsThreadsAndWhatMayWaitNothingIsTaken) {
  Pool pool{pools_runtime, 2, 3};
  std::latch open{1};
  std::atomic<int> done = 0;
  int taken = 0;
  while (pool.try_post([&] {
    open.wait();
    ++done;
  })) {
    ++taken;
  }
  EXPECT_GE(taken, 3);
  EXPECT_LE(taken, 5);
  EXPECT_LE(pool.thread_count(), 2U);
  pool.post([&] { ++done; });  // is always taken
  open.count_down();
  pool.finish();
  EXPECT_EQ(done, taken + 1);
}

TEST(Pool, WhatThrowsEndsAlone) {
  Pool pool{pools_runtime, 1};
  std::latch after{1};
  pool.post([] { throw std::runtime_error{"by a test"}; });
  pool.post([&] { after.count_down(); });
  after.wait();
}

}  // namespace
}  // namespace ratebook::api
