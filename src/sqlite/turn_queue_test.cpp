#include "sqlite/turn_queue.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace ratebook::sqlite {
namespace {

TEST(TurnQueue, OneAtATime) {
  TurnQueue turns;
  int inside = 0;
  std::int64_t count = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&] {
        for (int turn = 0; turn < 2000; ++turn) {
          const std::lock_guard lock{turns};
          EXPECT_EQ(++inside, 1);
          ++count;
          --inside;
        }
      });
    }
  }
  EXPECT_EQ(count, 12'000);
}

TEST(TurnQueue, NobodyIsShutOutByOneThatAlwaysComesAgain) {
  TurnQueue turns;
  std::atomic<bool> had_its_turn{false};
  turns.lock();
  std::jthread waiter{[&] {
    const std::lock_guard lock{turns};
    had_its_turn = true;
  }};
  while (turns.waiting() == 0) std::this_thread::yield();
  for (int turn = 0; turn <= TurnQueue::passed_by_max; ++turn) {
    turns.unlock();
    turns.lock();
  }
  turns.unlock();
  EXPECT_TRUE(had_its_turn);
}

}  // namespace
}  // namespace ratebook::sqlite
