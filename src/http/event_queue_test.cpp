// What waits for event streams: shared where it is the same, and within a bound for all of them.
#include "http/event_queue.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace ratebook::http {
namespace {

class Queues {
 public:
  explicit Queues(std::size_t bytes_max) : memory(std::make_shared<StreamMemory>(bytes_max)) {}

  std::shared_ptr<EventQueue> make(std::size_t bytes_max = 1 << 30) {
    auto queue = std::make_shared<EventQueue>(mailbox, 1, EventQueue::Bounds{bytes_max, memory}, nullptr);
    memory->enter(queue);
    return queue;
  }

  const std::shared_ptr<StreamMemory> memory;
  const std::shared_ptr<Mailbox> mailbox = std::make_shared<Mailbox>();  ///< of no core
};

TEST(EventQueue, ATextIsTheSameForAllAndCountsOnce) {
  Queues queues{1 << 30};
  const EventText text{std::string(100'000, 'e')};
  std::vector<std::shared_ptr<EventQueue>> all;
  for (int i = 0; i < 100; ++i) {
    all.push_back(queues.make());
    EXPECT_TRUE(all.back()->stream().send(text));
  }
  EXPECT_GE(queues.memory->bytes(), 100'000U);
  EXPECT_LT(queues.memory->bytes(), 120'000U);
  for (const auto& queue : all) {
    const auto taken = queue->take();
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_EQ(taken[0].view().data(), text.view().data());
    EXPECT_TRUE(queue->take().empty());  // all is written
  }
  EXPECT_EQ(queues.memory->bytes(), 0U);
}

TEST(EventQueue, LittleIsTakenAtOnce) {
  Queues queues{1 << 30};
  const auto queue = queues.make();
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(queue->stream().send(std::string(1000, 'e')));
  std::size_t taken = 0;
  for (auto texts = queue->take(); !texts.empty(); texts = queue->take()) {
    EXPECT_LE(texts.size() * 1000, EventQueue::taken_bytes_max);
    taken += texts.size();
  }
  EXPECT_EQ(taken, 1000U);
}

TEST(EventQueue, TheSlowestIsCutBeyondTheBoundOfAll) {
  constexpr std::size_t bytes_max = 300'000;
  Queues queues{bytes_max};
  const auto slowest = queues.make(), slow = queues.make();
  std::vector<std::shared_ptr<EventQueue>> quick;
  for (int i = 0; i < 20; ++i) quick.push_back(queues.make());
  EXPECT_TRUE(slowest->stream().send(std::string(5000, 'e')));
  int events = 0;
  for (; slowest->wish() != EventQueue::Wish::cut && events < 1000; ++events) {
    slowest->stream().send(std::string(1000, 'e'));
    EXPECT_TRUE(slow->stream().send(std::string(1000, 'e')));
    for (const auto& queue : quick) {
      EXPECT_TRUE(queue->stream().send(std::string(1000, 'e')));
      queue->take();
    }
    EXPECT_LE(queues.memory->bytes(), bytes_max);
  }
  EXPECT_LT(events, 1000) << "it is never cut";
  EXPECT_GT(events, 100) << "it is cut long before it has to be";
  EXPECT_EQ(slow->wish(), EventQueue::Wish::stay);
  for (const auto& queue : quick) EXPECT_EQ(queue->wish(), EventQueue::Wish::stay);
}

TEST(EventQueue, HoweverManyDoNotReadTheBoundHolds) {
  constexpr std::size_t bytes_max = 1 << 19;
  Queues queues{bytes_max};
  std::vector<std::shared_ptr<EventQueue>> stalled;
  for (int i = 0; i < 200; ++i) stalled.push_back(queues.make());
  for (int step = 0; step < 100; ++step) {
    const EventText shared{std::string(500, 's')};
    for (const auto& queue : stalled) {
      queue->stream().send(shared);
      queue->stream().send(std::string(500, 'o'));
      if (step == 0) queue->take();  // copied, and not taken by its client
      EXPECT_LE(queues.memory->bytes(), bytes_max);
    }
  }
  stalled.clear();
  EXPECT_EQ(queues.memory->bytes(), 0U);
}

TEST(EventQueue, DroppedItSendsNothingMoreAndCloses) {
  Queues queues{1 << 30};
  const auto queue = queues.make();
  EXPECT_TRUE(queue->stream().send(std::string(100, 'e')));
  queue->stream().drop();
  EXPECT_TRUE(queue->take().empty());
  EXPECT_EQ(queue->wish(), EventQueue::Wish::close);
  EXPECT_FALSE(queue->stream().send(std::string(100, 'e')));
  EXPECT_EQ(queues.memory->bytes(), 0U);
}

TEST(EventQueue, CountsUnderConcurrency) {
  Queues queues{200'000};
  std::vector<std::shared_ptr<EventQueue>> all;
  for (int i = 0; i < 8; ++i) all.push_back(queues.make());
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 2; ++thread) {
      threads.emplace_back([&] {
        for (int i = 0; i < 2000; ++i) {
          const EventText text{std::string(300, 'e')};
          for (const auto& queue : all) queue->stream().send(text);
        }
      });
    }
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        for (std::size_t at = 0; at < 6; ++at) all[at]->take();
      }
    });
  }
  all.clear();
  EXPECT_EQ(queues.memory->bytes(), 0U);
}

}  // namespace
}  // namespace ratebook::http
