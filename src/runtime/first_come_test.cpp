#include "runtime/first_come.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace ratebook {
namespace {

using namespace std::chrono_literals;

TEST(FirstCome, HasSoManyPlacesAndNoMore) {
  FirstCome places{2};
  EXPECT_TRUE(places.enter(0s));
  EXPECT_TRUE(places.enter(0s));
  EXPECT_FALSE(places.enter(1ms));
  EXPECT_EQ(places.waiting(), 0U);
  places.leave();
  EXPECT_TRUE(places.enter(0s));
}

TEST(FirstCome, WhoComesAgainAndAgainPassesNobodyWhoWaits) {
  FirstCome places{1};
  ASSERT_TRUE(places.enter(0s));
  std::string order;
  std::vector<std::jthread> threads;
  for (char each = 'a'; each < 'e'; ++each) {
    threads.emplace_back([&places, &order, each] {
      ASSERT_TRUE(places.enter(1h));
      order += each;
      places.leave();
    });
    while (places.waiting() < threads.size()) std::this_thread::yield();
  }
  places.leave();
  // Whatever the others were doing meanwhile, this one comes last.
  ASSERT_TRUE(places.enter(1h));
  EXPECT_EQ(order, "abcd");
  places.leave();
}

TEST(FirstCome, ManyAtOnceLoseNoPlace) {
  FirstCome places{3};
  std::atomic<int> inside = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        for (int turn = 0; turn < 500; ++turn) {
          if (!places.enter(i % 2 == 0 ? std::chrono::nanoseconds{1h} : std::chrono::nanoseconds{1us})) continue;
          EXPECT_LE(++inside, 3);
          --inside;
          places.leave();
        }
      });
    }
  }
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(places.enter(0s));
  EXPECT_FALSE(places.enter(0s));
}

}  // namespace
}  // namespace ratebook
