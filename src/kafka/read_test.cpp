// Reads: in sequence and from any place, at the end, beyond it, and of what has been trimmed.
#include <gtest/gtest.h>

#include <thread>

#include "kafka/test_broker.hpp"
#include "log/attempt.hpp"

namespace ratebook::kafka {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

class KafkaRead : public ::testing::Test {
 protected:
  explicit KafkaRead(KafkaOptions its = test_options()) : options(std::move(its)) {
    options.log_keep = 0s;
    options.read_time_max = 3s;
    log = open_log(options);
  }
  void fill(int count) {
    std::vector<std::string> records;
    for (int i = 0; i < count; ++i) records.push_back(std::to_string(i));
    ASSERT_TRUE(log->append(0, source_of(records)));
  }
  /// The first record found, or what went wrong.
  std::string first(Offset from, std::size_t bytes_max, Duration wait = 0s) {
    const auto records = log->read(0, from, bytes_max, wait);
    if (!records) return "failed: " + records.error().message;
    return records->empty() ? "none" : records->front().bytes;
  }

  KafkaOptions options;
  std::unique_ptr<KafkaLog> log;
};

constexpr std::size_t in_sequence = 1u << 20;

TEST_F(KafkaRead, WhatIsThereComesWithoutWaiting) {
  fill(10);
  EXPECT_EQ(first(3, in_sequence), "3");
  EXPECT_EQ(first(9, 1), "9");
  const auto both = log->read(0, 0, 2, 0s + 1ns);
  ASSERT_TRUE(both);
  ASSERT_EQ(both->size(), 2U);  // at most two bytes
  EXPECT_EQ(first(2, in_sequence), "2");
}

TEST_F(KafkaRead, WhatIsOneTooManyComesInItsTurn) {
  fill(20);
  for (const Offset next : {10, 3, 10, 3, 10, 3}) {
    const auto nine = log->read(0, 9, 2, 0s + 1ns);
    ASSERT_TRUE(nine);
    ASSERT_EQ(nine->size(), 1U) << "record 10 has two bytes";
    EXPECT_EQ(first(next, in_sequence), std::to_string(next));
  }
}

TEST_F(KafkaRead, TheEndIsWhereTheNextRecordWillStand) {
  EXPECT_EQ(log->end(0), 0);
  fill(3);
  const auto end = log->end(0);
  ASSERT_TRUE(end);
  EXPECT_EQ(first(*end, in_sequence), "none");
  fill(1);
  EXPECT_EQ(first(*end, in_sequence), "0");
}

TEST_F(KafkaRead, AnyPlaceBackAndForth) {
  fill(200);
  for (const Offset from : {150, 3, 199, 0, 100, 101, 102, 30, 199}) {
    EXPECT_EQ(first(from, in_sequence), std::to_string(from));
    EXPECT_EQ(first(from, 1), std::to_string(from));
  }
}

TEST_F(KafkaRead, AtTheEndItWaitsAsLongAsItWasTold) {
  fill(2);
  for (const std::size_t bytes : {std::size_t{1}, in_sequence}) {
    EXPECT_EQ(first(2, bytes), "none");
  }
  EXPECT_EQ(first(7, 1), "none");
  const auto beyond = log->read(0, 7, in_sequence, 0s);
  ASSERT_FALSE(beyond) << "who reads in sequence would wait there, and pass over what comes before";
  EXPECT_EQ(beyond.error().failure, Failure::unavailable) << "a new leader may lag for a moment";
  std::this_thread::sleep_for(options.read_time_max);
  EXPECT_EQ(log->read(0, 7, in_sequence, 0s).error().failure, Failure::damaged);
  const BootTime began = test_runtime().boot_time();
  EXPECT_EQ(first(2, in_sequence, 300ms), "none");
  const Duration took = test_runtime().boot_time() - began;
  EXPECT_GE(took, 290ms);
  EXPECT_LT(took, 1s);
}

TEST_F(KafkaRead, WaitingEndsWithTheNextRecord) {
  fill(1);
  EXPECT_EQ(first(1, in_sequence), "none");
  std::jthread later{[&] {
    std::this_thread::sleep_for(200ms);
    EXPECT_TRUE(append_one(*log, 0, "new"));
  }};
  const BootTime began = test_runtime().boot_time();
  EXPECT_EQ(first(1, in_sequence, 5s), "new");
  EXPECT_LT(test_runtime().boot_time() - began, 2s);
}

TEST_F(KafkaRead, WhatWasAppendedIsRead) {
  const auto other = open_log(options);
  for (int i = 0; i < 50; ++i) {
    const auto offset = append_one(*log, 0, std::to_string(i));
    ASSERT_TRUE(offset);
    EXPECT_EQ(first(*offset, in_sequence), std::to_string(i));  // at once, by the node that appended
    const auto seen = other->read(0, *offset, 1, 0s);           // and, looked up, by any
    ASSERT_TRUE(seen) << seen.error().message;
    ASSERT_EQ(seen->size(), 1U) << i;
    EXPECT_EQ(seen->front().bytes, std::to_string(i));
  }
}

TEST_F(KafkaRead, WhatIsTrimmedIsSaidToBeGone) {
  fill(100);
  EXPECT_EQ(first(10, in_sequence), "10");  // stands there, with more fetched ahead
  const auto trimmed = log->trim(0, 50);
  ASSERT_TRUE(trimmed) << trimmed.error().message;
  ASSERT_TRUE(log->trim(0, 30));  // behind that already
  for (const Offset gone : {0, 49}) {
    EXPECT_EQ(log->read(0, gone, 1, 0s).error().failure, Failure::damaged) << gone;
    EXPECT_EQ(log->read(0, gone, in_sequence, 0s).error().failure, Failure::damaged) << gone;
  }
  EXPECT_EQ(first(50, 1), "50");
  EXPECT_EQ(first(50, in_sequence), "50");
  ASSERT_TRUE(log->trim(0, 100));
  EXPECT_EQ(first(100, 1), "none");
  EXPECT_EQ(first(100, in_sequence), "none");
}

TEST_F(KafkaRead, TrimmingUnderAReaderThatWaitsAtTheEnd) {
  fill(100);
  auto lagging = open_log(options);
  ASSERT_TRUE(lagging->read(0, 0, 1 << 16, 1ms));
  fill(100);
  ASSERT_TRUE(log->trim(0, 200));
  ASSERT_TRUE(append_one(*log, 0, "new"));
  const auto far = lagging->read(0, 20, in_sequence, 1ms);
  // What was fetched ahead may still come: it was in the log.
  if (far) {
    EXPECT_EQ(far->front().offset, 20);
  } else {
    EXPECT_EQ(far.error().failure, Failure::damaged) << far.error().message;
  }
  const auto next = lagging->read(0, 200, in_sequence, 1s);
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_EQ(next->front().bytes, "new");
}

TEST_F(KafkaRead, TrimmingAheadOfAReader) {
  std::vector<std::string> different;  // else they would shrink to next to nothing
  for (std::uint64_t i = 0; i < 50; ++i) different.push_back(noise(100'000, i));
  ASSERT_TRUE(log->append(0, source_of(different)));
  options.fetched_bytes_max = 1024;
  auto lagging = open_log(options);
  ASSERT_TRUE(lagging->read(0, 0, 1 << 16, 1ms));
  ASSERT_TRUE(log->trim(0, 49));
  Result<std::vector<log::StoredRecord>> read;
  Offset next = 1;
  while ((read = lagging->read(0, next, 1 << 16, 1ms)) && next < 50) {
    EXPECT_EQ(read->front().offset, next);
    ++next;
  }
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().failure, Failure::damaged) << read.error().message;
  for (const Offset gone : {1, 48}) {
    EXPECT_EQ(lagging->read(0, gone, 1 << 16, 1ms).error().failure, Failure::damaged) << gone;
  }
  const auto left = lagging->read(0, 49, 1 << 16, 1ms);
  ASSERT_TRUE(left) << left.error().message;
  EXPECT_EQ(left->front().offset, 49);
}

TEST_F(KafkaRead, YoungRecordsAreKept) {
  options.log_keep = 1h;
  const auto keeping = open_log(options);
  fill(10);
  ASSERT_TRUE(keeping->trim(0, 9));
  EXPECT_EQ(first(0, 1), "0");
}

TEST_F(KafkaRead, TheRecordBeforeTheYoungOnesIsKept) {
  options.log_keep = 2s;
  const auto keeping = open_log(options);
  fill(10);
  std::this_thread::sleep_for(2100ms);
  fill(10);
  ASSERT_TRUE(keeping->trim(0, 19));
  EXPECT_EQ(log->read(0, 8, 1, 0s).error().failure, Failure::damaged);
  EXPECT_EQ(first(9, 1), "9") << "a backup that is 2 s old may have it as its position";
}

TEST_F(KafkaRead, ASilentBrokerEndsReadsInBoundedTime) {
  fill(10);
  EXPECT_EQ(first(0, in_sequence), "0");
  {
    const Stopped stopped;
    for (const std::size_t bytes : {std::size_t{1}, in_sequence}) {
      const BootTime began = test_runtime().boot_time();
      const auto failed = log->read(0, 5, bytes, 0s);
      EXPECT_LT(test_runtime().boot_time() - began, 6s);
      if (!failed) {
        EXPECT_EQ(failed.error().failure, Failure::unavailable);
      }
    }
    EXPECT_FALSE(log->trim(0, 5));
  }
  for (int i = 0; i < 20 && first(5, 1) != "5"; ++i) std::this_thread::sleep_for(100ms);
  EXPECT_EQ(first(5, 1), "5");
}

TEST_F(KafkaRead, ASilentBrokerIsToldFromOneWithoutNews) {
  fill(10);
  EXPECT_EQ(first(9, in_sequence), "9");
  EXPECT_EQ(first(10, in_sequence), "none");
  {
    const Stopped stopped;
    const BootTime began = test_runtime().boot_time();
    bool has_failed = false;
    while (!has_failed && test_runtime().boot_time() - began < 30s) has_failed = !log->read(0, 10, in_sequence, 100ms);
    EXPECT_TRUE(has_failed);
  }
  for (int i = 0; i < 20 && first(10, in_sequence) != "none"; ++i) std::this_thread::sleep_for(100ms);
  fill(1);
  std::string next = first(10, in_sequence, 1s);
  for (int i = 0; i < 20 && next != "0"; ++i) next = first(10, in_sequence, 1s);
  EXPECT_EQ(next, "0");
}

/// What it fetches ahead ends before the record that is asked for.
class KafkaReadNear : public KafkaRead {
 protected:
  KafkaReadNear()
      : KafkaRead([] {
          auto near = test_options();
          near.fetched_bytes_max = 1u << 20;
          return near;
        }()) {}
};

TEST_F(KafkaReadNear, ARecordThatWasPassedOverBeforeATimeoutIsReadAllTheSame) {
  std::vector<std::string> records;
  for (int i = 0; i < 40; ++i) records.push_back(std::to_string(i) + ":" + noise(200'000, 1 + i));
  ASSERT_TRUE(log->append(0, source_of(records)));
  EXPECT_EQ(first(0, 1).substr(0, 2), "0:");
  EXPECT_EQ(log->read(0, 0, 1 << 18, 0s)->front().offset, 0);
  std::this_thread::sleep_for(500ms);
  {
    const Stopped stopped;
    EXPECT_FALSE(log->read(0, 39, 1 << 18, 0s));
  }
  Result<std::vector<log::StoredRecord>> next = log->read(0, 1, 1 << 18, 0s);
  // A broker that was stopped may take a while to be heard again.
  for (int i = 0; i < 200 && !next; ++i) next = log->read(0, 1, 1 << 18, 0s);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->front().offset, 1);
}

TEST_F(KafkaRead, ManyLookUpsAndASequenceAtOnce) {
  fill(500);
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 25; ++i) {
        const Offset from = (i * 97 + thread * 31) % 500;
        EXPECT_EQ(first(from, 1), std::to_string(from));
      }
    });
  }
  Offset next = 0;
  while (next < 500) {
    const auto records = log->read(0, next, 64 * 1024, 1ms);
    ASSERT_TRUE(records) << records.error().message;
    for (const auto& record : *records) EXPECT_EQ(record.offset, next++);
  }
}

TEST_F(KafkaRead, ABatchIsFoundByItsPlaceAndReadAsItWasPut) {
  const auto prove = [](KafkaLog& its) { its.standing()->proven(0, its.standing()->begin_look(0), -1); };
  prove(*log);
  BatchHeader header{.source = "carrier-a", .key = "key", .price_count = 2};
  header.digest = sha256("content");
  header.id = batch_id(header.source, header.key, header.digest);
  const auto put = log::put_batch(*log, test_runtime(), header, 3, [](std::size_t) { return noise(900'000); });
  ASSERT_TRUE(put) << put.error().message;
  const auto other = open_log(options);
  prove(*other);
  const auto found = log::find_batch(*other, put->last, header.id);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(**found, header);
}

TEST_F(KafkaRead, HowLongItTakes) {
  std::vector<std::string> records;
  for (int i = 0; i < 40; ++i) records.push_back(noise(700'000, static_cast<std::uint64_t>(i)));
  ASSERT_TRUE(log->append(0, source_of(records)));
  const auto measure = [&](std::string_view what, std::size_t bytes, auto place) {
    std::vector<std::int64_t> took;
    for (int i = 0; i < 40; ++i) {
      const BootTime began = test_runtime().boot_time();
      ASSERT_TRUE(log->read(0, place(i), bytes, 0s));
      took.push_back(std::chrono::duration_cast<std::chrono::microseconds>(test_runtime().boot_time() - began).count());
    }
    std::ranges::sort(took);
    fmt::print("{}: p50 {:.1f} ms, p99 {:.1f} ms\n", what, static_cast<double>(took[20]) / 1000,
               static_cast<double>(took[39]) / 1000);
  };
  measure("700 kB read in sequence", 700'000, [](int i) { return i; });
  std::vector<std::string> many(150, noise(900'000));
  const auto last = log->append(0, source_of(many));
  ASSERT_TRUE(last);
  const BootTime began = test_runtime().boot_time();
  std::size_t bytes = 0;
  for (Offset next = 40; next <= *last;) {
    const auto read = log->read(0, next, 8u << 20, 1ms);
    ASSERT_TRUE(read) << read.error().message;
    for (const auto& record : *read) bytes += record.bytes.size();
    if (!read->empty()) next = read->back().offset + 1;
  }
  EXPECT_EQ(bytes, 150U * 900'000U);
  const Duration took = test_runtime().boot_time() - began;
  fmt::print("read in sequence: {:.0f} MB/s\n", static_cast<double>(bytes) * 1e3 / static_cast<double>(took.count()));
  measure("700 kB looked up in sequence", 1, [](int i) { return i; });
  measure("700 kB looked up anywhere", 1, [](int i) { return (i * 17) % 40; });
  measure("looked up at the end", 1, [&](int) { return *last + 1; });
}

}  // namespace
}  // namespace ratebook::kafka
