// Appends: order and offsets, bounds of memory, what is said when the broker does not answer.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "kafka/test_broker.hpp"

namespace ratebook::kafka {

struct ProducerProbe {
  /// As a broker does that finds a gap in the producer's sequence.
  static void break_producer(KafkaLog& log) {
    const auto producer = log.producer();
    rd_kafka_test_fatal_error((*producer)->client_.get(), RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "by a test");
  }
  /// When any partition last acknowledged anything.
  static BootTime heard(KafkaLog& log) {
    const auto producer = log.producer();
    const std::scoped_lock lock{(*producer)->mutex_};
    return (*producer)->heard_;
  }
  /// As if another partition had acknowledged a record now.
  static void hear(KafkaLog& log) {
    const auto producer = log.producer();
    const std::scoped_lock lock{(*producer)->mutex_};
    (*producer)->heard_ = test_runtime().boot_time();
  }
};

namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

Duration time_of(const std::function<void()>& work) {
  const BootTime began = test_runtime().boot_time();
  work();
  return test_runtime().boot_time() - began;
}

/// For where a bound is short, or a broker was away: until it is in, for at most a minute.
Result<Offset> append_at_last(log::Log& log, std::uint32_t partition, const std::string& record) {
  const BootTime until = test_runtime().boot_time() + 60s;
  while (true) {
    auto put = append_one(log, partition, record);
    if (put || test_runtime().boot_time() >= until) return put;
    std::this_thread::sleep_for(50ms);  // a silent partition refuses at once
  }
}

TEST(KafkaAppend, RecordsStandInOrderAndTheLastOnesOffsetComesBack) {
  const auto log = open_log(test_options());
  const auto last = log->append(0, source_of({"a", "b", "c"}));
  ASSERT_TRUE(last) << last.error().message;
  EXPECT_EQ(*last, 2);
  const auto next = append_one(*log, 0, "d");
  ASSERT_TRUE(next);
  EXPECT_EQ(*next, 3);
  const auto records = log->read(0, 0, 1u << 20, 0s);
  ASSERT_TRUE(records) << records.error().message;
  ASSERT_EQ(records->size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ((*records)[i].offset, static_cast<Offset>(i));
    EXPECT_EQ((*records)[i].bytes, std::string(1, static_cast<char>('a' + i)));
  }
}

TEST(KafkaAppend, NothingAndNoSuchPartitionAreRefused) {
  const auto log = open_log(test_options());
  EXPECT_EQ(log->append(0, source_of({})).error().failure, Failure::refused);
  EXPECT_EQ(append_one(*log, 1, "a").error().failure, Failure::refused);
  EXPECT_EQ(log->read(1, 0, 1, 0s).error().failure, Failure::refused);
}

TEST(KafkaAppend, ARecordBeyondTheBrokersLimitIsRefused) {
  const auto log = open_log(test_options());
  EXPECT_EQ(append_one(*log, 0, noise(1'100'000)).error().failure, Failure::refused);
  const auto largest_chunk = append_one(*log, 0, noise(962 * 1024));
  EXPECT_TRUE(largest_chunk) << largest_chunk.error().message;
}

TEST(KafkaAppend, ASourcesFailureIsHandedOn) {
  const auto log = open_log(test_options());
  int given = 0;
  const auto failed = log->append(0, [&]() -> Result<std::optional<std::string>> {
    if (given++ == 20) return fail(Failure::damaged, "spool");
    return noise(900'000, static_cast<std::uint64_t>(given));
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().failure, Failure::damaged);
}

TEST(KafkaAppend, ALargeOneStreamsWithinItsBound) {
  auto options = test_options();
  options.append_bytes_max = 4u << 20;
  const auto log = open_log(options);
  const std::string record = noise(950'000);
  std::atomic<std::uint64_t> most = 0;
  int given = 0;
  const auto last = log->append(0, [&]() -> Result<std::optional<std::string>> {
    most = std::max<std::uint64_t>(most, log->counters().queued_bytes.load());
    if (given++ == 60) return std::nullopt;
    return record;
  });
  ASSERT_TRUE(last) << last.error().message;
  EXPECT_EQ(*last, 59);
  EXPECT_LE(most, 4u << 20);
  EXPECT_GE(most, 2u << 20);
  EXPECT_EQ(log->counters().queued_bytes, 0U);
}

TEST(KafkaAppend, ALargeOneLetsOthersIn) {
  Runtime runtime = test_runtime();
  const auto appender = std::this_thread::get_id();
  int rests = 0;
  runtime.sleep = [&](Duration rest) {
    if (std::this_thread::get_id() == appender && rest > 0s) ++rests;
    test_runtime().sleep(rest);
  };
  auto options = test_options();
  const auto append = [&](int records) {
    const auto log = KafkaLog::open(options, runtime);
    EXPECT_TRUE(log) << log.error().message;
    rests = 0;
    EXPECT_TRUE(
        (*log)->append(0, source_of(std::vector<std::string>(static_cast<std::size_t>(records), noise(950'000)))));
    return rests;
  };
  EXPECT_EQ(append(2), 0);
  EXPECT_GT(append(20), 10);
  options.append_rest_percent = 0;
  EXPECT_EQ(append(20), 0);
}

TEST(KafkaAppend, AppendsOfManyThreadsEachKeepTheirOrder) {
  const auto log = open_log(test_options(2));
  std::vector<std::jthread> threads;
  for (char name = 'a'; name < 'g'; ++name) {
    threads.emplace_back([&log, name] {
      for (int i = 0; i < 10; ++i) {
        const std::string text(1, name);
        const auto number = std::to_string(i);
        EXPECT_TRUE(log->append(static_cast<std::uint32_t>(name % 2),
                                source_of({text + number + "0", text + number + "1", text + number + "2"})));
      }
    });
  }
  threads.clear();
  std::size_t count = 0;
  for (std::uint32_t partition = 0; partition < 2; ++partition) {
    std::map<char, std::string> last;
    for (Offset from = 0; true;) {
      const auto records = log->read(partition, from, 1u << 20, 0s);
      ASSERT_TRUE(records) << records.error().message;
      if (records->empty()) break;
      for (const auto& record : *records) {
        EXPECT_LT(last[record.bytes.front()], record.bytes);
        last[record.bytes.front()] = record.bytes;
        ++count;
      }
      from = records->back().offset + 1;
    }
  }
  EXPECT_EQ(count, 180U);
}

TEST(KafkaAppend, ASmallAppendFindsNoRoomWhereALargeOneWouldNot) {
  auto options = test_options();
  options.queue_bytes_max = 3u << 20;
  options.append_bytes_max = 1u << 20;
  const auto log = open_log(options);
  ASSERT_TRUE(append_one(*log, 0, "warm"));
  std::vector<std::jthread> threads;
  std::atomic<int> full = 0;
  {
    const Stopped stopped;
    for (int i = 0; i < 40; ++i) {
      threads.emplace_back([&] {
        const auto in = append_one(*log, 0, noise(100'000));
        if (!in && in.error().failure == Failure::full) ++full;
      });
    }
    // Those that are in wait for the broker.
    while (full + static_cast<int>(log->counters().queued_records) < 40) std::this_thread::sleep_for(1ms);
    EXPECT_GT(log->counters().queued_bytes, 1'900'000U);
    EXPECT_LE(log->counters().queued_bytes, (2U << 20) + 100'000U);
  }
}

TEST(KafkaAppend, WhenTooMuchWaitsTheNextIsFullAtOnce) {
  auto options = test_options();
  options.queue_bytes_max = 2u << 20;
  options.append_bytes_max = 1u << 20;
  options.produce_time_max = 3s;
  const auto log = open_log(options);
  ASSERT_TRUE(append_one(*log, 0, "warm"));
  std::vector<std::jthread> threads;
  std::atomic<int> in = 0;
  {
    const Stopped stopped;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&] {
        if (append_one(*log, 0, noise(900'000))) ++in;
      });
    }
    while (log->counters().queued_records < 2) std::this_thread::sleep_for(1ms);
    const std::string record = noise(900'000);
    const auto time = time_of([&] {
      const auto full = append_one(*log, 0, record);
      ASSERT_FALSE(full);
      EXPECT_EQ(full.error().failure, Failure::full) << full.error().message;
    });
    EXPECT_LT(time, 100ms);
  }
  threads.clear();
  EXPECT_EQ(in, 2);  // what waited is unharmed
}

TEST(KafkaAppend, ABrokerThatDoesNotAnswerLeavesDoubtInBoundedTime) {
  auto options = test_options();
  options.produce_time_max = 2s;
  const auto log = open_log(options);
  ASSERT_TRUE(append_one(*log, 0, "before"));
  {
    const Stopped stopped;
    const auto time = time_of([&] {
      const auto doubtful = log->append(0, source_of({"x", "y"}));
      ASSERT_FALSE(doubtful);
      EXPECT_EQ(doubtful.error().failure, Failure::unknown) << doubtful.error().message;
    });
    EXPECT_GE(time, 1s);
    EXPECT_LT(time, 6s);
    EXPECT_GT(log->counters().leaders_asked, 0U);
  }
  const auto after = append_one(*log, 0, "after");
  EXPECT_TRUE(after) << after.error().message;
}

TEST(KafkaAppend, WhoeverAppendsToASilentPartitionIsAnsweredSoon) {
  auto options = test_options(2);
  options.answer_time_max = 2s;
  options.produce_time_max = 20s;  // what is on its way may still get in
  const auto log = open_log(options);
  ASSERT_TRUE(append_at_last(*log, 0, "before"));
  ASSERT_TRUE(append_at_last(*log, 1, "before"));
  {
    const Stopped stopped;
    std::vector<std::jthread> threads;
    std::atomic<int> doubtful = 0;
    std::atomic<std::int64_t> longest = 0;
    for (int i = 0; i < 64; ++i) {
      threads.emplace_back([&] {
        const auto time = time_of([&] {
          const auto put = append_one(*log, 0, noise(1'000));
          if (!put && put.error().failure == Failure::unknown) ++doubtful;
        });
        std::int64_t known = longest;
        while (known < time.count() && !longest.compare_exchange_weak(known, time.count())) continue;
      });
    }
    threads.clear();
    EXPECT_EQ(doubtful, 64);
    EXPECT_LT(Duration{longest.load()}, options.produce_time_max / 2);
    fmt::print("64 appends to a silent partition: the slowest answered after {} ms\n", longest / 1'000'000);
    const auto time = time_of([&] {
      const auto put = append_one(*log, 0, "refused");
      ASSERT_FALSE(put);
      EXPECT_EQ(put.error().failure, Failure::refused) << put.error().message;
    });
    EXPECT_LT(time, options.answer_time_max / 2);
    EXPECT_EQ(append_one(*log, 1, "tried").error().failure, Failure::unknown);  // each partition stands for itself
    EXPECT_GT(log->counters().queued_records, 64U);
  }
  const auto after = append_at_last(*log, 0, "after");
  ASSERT_TRUE(after) << after.error().message;
  const auto records = log->read(0, 0, 1u << 20, 0s);
  ASSERT_TRUE(records) << records.error().message;
  for (const auto& record : *records) EXPECT_NE(record.bytes, "refused");
  while (log->counters().queued_records > 0) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(log->counters().queued_bytes, 0U);
}

// Its leader is slow, or another one is being chosen.
TEST(KafkaAppend, WhereOtherPartitionsAnswerOneThatDoesNotIsWaitedFor) {
  auto options = test_options(2);
  options.answer_time_max = 500ms;
  options.produce_time_max = 3s;
  const auto log = open_log(options);
  ASSERT_TRUE(append_at_last(*log, 0, "before"));
  const BootTime heard = ProducerProbe::heard(*log);
  ASSERT_TRUE(append_at_last(*log, 1, "before"));
  EXPECT_GT(ProducerProbe::heard(*log), heard);
  // A record in doubt that came before, on a slow machine, would break this one's producer off.
  while (log->counters().queued_records > 0) std::this_thread::sleep_for(1ms);
  const Stopped stopped;
  const std::jthread others{[&log](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      ProducerProbe::hear(*log);
      std::this_thread::sleep_for(10ms);
    }
  }};
  Result<Offset> put = 0;
  const auto time = time_of([&] { put = append_one(*log, 0, "x"); });
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().failure, Failure::unknown) << put.error().message;
  EXPECT_GE(time, options.produce_time_max) << put.error().message;
  EXPECT_EQ(append_one(*log, 0, "y").error().failure, Failure::refused) << "this partition is silent now";
}

TEST(KafkaAppend, WhatNobodyWaitsForAnyMoreHoldsItsRoomInTheQueue) {
  auto options = test_options();
  options.queue_bytes_max = 2u << 20;
  options.append_bytes_max = 1u << 20;
  options.answer_time_max = 2s;
  options.produce_time_max = 20s;
  const auto log = open_log(options);
  ASSERT_TRUE(append_at_last(*log, 0, "before"));
  {
    const Stopped stopped;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 2; ++i) threads.emplace_back([&] { EXPECT_FALSE(append_one(*log, 0, noise(900'000))); });
    threads.clear();
    EXPECT_GE(log->counters().queued_bytes, 1'800'000U);
    const std::string record = noise(900'000);
    Result<Offset> put = fail(Failure::refused, "");
    // At once the partition is silent; the one that tries it finds no room.
    for (int i = 0; i < 2000 && put.error().failure == Failure::refused; ++i) {
      put = append_one(*log, 0, record);
      ASSERT_FALSE(put);
      std::this_thread::sleep_for(10ms);
    }
    EXPECT_EQ(put.error().failure, Failure::full) << put.error().message;
  }
  while (log->counters().queued_records > 0) std::this_thread::sleep_for(1ms);
  EXPECT_TRUE(append_at_last(*log, 0, "after"));
}

TEST(KafkaAppend, RidesOverARestartOfTheBroker) {
  const auto log = open_log(test_options());
  ASSERT_TRUE(append_one(*log, 0, "before"));
  kill_broker();
  Result<Offset> during = fail(Failure::unknown, "");
  const auto time = time_of([&] { during = append_at_last(*log, 0, "during"); });
  ASSERT_TRUE(during) << during.error().message;
  const auto records = log->read(0, *during, 1, 0s);
  ASSERT_TRUE(records) << records.error().message;
  ASSERT_EQ(records->size(), 1U);
  EXPECT_EQ(records->front().bytes, "during");
  const auto in_sequence = log->read(0, 0, 1u << 20, 0s);
  ASSERT_TRUE(in_sequence) << in_sequence.error().message;
  EXPECT_EQ(in_sequence->front().bytes, "before");
  fmt::print("over a restart of the broker: {} ms\n",
             std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

TEST(KafkaAppend, ABrokerThatIsAwayRefusesWhatNeverLeft) {
  auto options = test_options();
  options.produce_time_max = 1s;
  const auto log = open_log(options);
  ASSERT_TRUE(append_one(*log, 0, "before"));
  kill_broker();
  std::this_thread::sleep_for(200ms);  // until the connection is seen to be gone
  const auto time = time_of([&] {
    const auto refused = append_one(*log, 0, "x");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().failure, Failure::refused) << refused.error().message;
  });
  EXPECT_LT(time, 5s);
  const auto after = append_at_last(*log, 0, "after");
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(*after, 1);  // x is not in
}

TEST(KafkaAppend, AProducerThatFailedForGoodIsReplaced) {
  auto options = test_options();
  std::mutex mutex;
  std::string said;
  options.report = [&](const Fault& fault) {
    const std::scoped_lock lock{mutex};
    said += fault.message + '\n';
  };
  const auto log = open_log(options);
  ASSERT_TRUE(append_one(*log, 0, "before"));
  ProducerProbe::break_producer(*log);
  const auto after = append_one(*log, 0, "after");
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(*after, 1);
  EXPECT_EQ(log->counters().producers_replaced, 1U);
  const std::scoped_lock lock{mutex};
  EXPECT_NE(said.find("another takes over"), std::string::npos) << said;
}

TEST(KafkaAppend, WhatWasOnItsWayWhenItsProducerFailedIsInDoubt) {
  const auto log = open_log(test_options());
  ASSERT_TRUE(append_one(*log, 0, "before"));
  Result<Offset> during = 0;
  {
    const Stopped stopped;
    std::jthread thread{[&] { during = append_one(*log, 0, "during"); }};
    while (log->counters().queued_records < 1) std::this_thread::sleep_for(1ms);
    ProducerProbe::break_producer(*log);
  }
  ASSERT_FALSE(during);
  EXPECT_EQ(during.error().failure, Failure::unknown) << during.error().message;
  const auto after = append_one(*log, 0, "after");
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(log->counters().producers_replaced, 1U);
  EXPECT_EQ(log->counters().queued_bytes, 0U);
}

TEST(KafkaAppend, HowLongItTakes) {
  const auto log = open_log(test_options());
  const auto print = [&](std::string_view what, const std::vector<std::string>& records, int times) {
    std::vector<std::int64_t> took;
    for (int i = 0; i < times; ++i) {
      const auto time = time_of([&] { ASSERT_TRUE(log->append(0, source_of(records))); });
      took.push_back(std::chrono::duration_cast<std::chrono::microseconds>(time).count());
    }
    std::ranges::sort(took);
    const auto at = [&](double part) {
      return static_cast<double>(took[static_cast<std::size_t>(static_cast<double>(took.size() - 1) * part)]) / 1000;
    };
    fmt::print("{}: p50 {:.1f} ms, p99 {:.1f} ms\n", what, at(0.5), at(0.99));
  };
  print("append of one record of 1 kB", {noise(1'000)}, 200);
  print("append of 4 records of 700 kB", {noise(700'000, 1), noise(700'000, 2), noise(700'000, 3), noise(700'000, 4)},
        30);
}

}  // namespace
}  // namespace ratebook::kafka
