#include "runtime/end_in_time.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <thread>

namespace ratebook {
namespace {

using namespace std::chrono_literals;

// By the name gtest runs it before what starts threads.
TEST(EndInTimeDeathTest, AProcessThatSomethingHoldsUpEndsAllTheSame) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        EndInTime end{[] { std::fputs("too late", stderr); }};
        end.begin(10ms, 3);
        end.begin(10ms, 4);  // the first word counts
        std::this_thread::sleep_for(20s);
      },
      testing::ExitedWithCode(3), "too late");
}

TEST(EndInTime, WhoEndsByItselfIsLeftAlone) {
  bool was_late = false;
  {
    EndInTime end{[&] { was_late = true; }};
    end.begin(1h, 3);
  }
  EXPECT_FALSE(was_late);
  {
    const EndInTime never_begun{[&] { was_late = true; }};
  }
  EXPECT_FALSE(was_late);
}

}  // namespace
}  // namespace ratebook
