#include "runtime/task.hpp"

#include <gtest/gtest.h>

#include <atomic>

namespace ratebook {
namespace {

using namespace std::chrono_literals;

TEST(Task, IsAskedToStopAndWaitedForWhereItsOwnerEnds) {
  const Runtime runtime = machine_runtime();
  std::atomic<bool> ended = false;
  {
    const Signal begun = runtime.make_signal();
    const Task task{runtime, [&](const std::stop_token& stop) {
                      begun.notify();
                      while (!stop.stop_requested()) runtime.sleep(1ms);
                      ended = true;
                    }};
    begun.wait_past(0, 1min);
    EXPECT_FALSE(ended);
  }
  EXPECT_TRUE(ended);
}

TEST(Task, HasOneEnd) {
  const Runtime runtime = machine_runtime();
  int runs = 0;
  Task task{runtime, [&](const std::stop_token&) { ++runs; }};
  task.end();
  task.end();
  EXPECT_EQ(runs, 1);
}

}  // namespace
}  // namespace ratebook
