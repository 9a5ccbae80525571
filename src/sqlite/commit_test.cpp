// The shared transaction: what one fsync acknowledges, what a full or failing disk takes along, and what stays.
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "sqlite/test_file.hpp"

namespace {

std::atomic<int> syncs{0};
std::atomic<bool> syncs_fail{false};
std::atomic<int> write_errno{0};  ///< 0: writes succeed

}  // namespace

// SQLite's own calls come here, since a program's symbols go before a library's.
extern "C" int fdatasync(int file) {
  ++syncs;
  if (syncs_fail) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fdatasync, file));
}

namespace ratebook::sqlite {
namespace {

using namespace std::chrono_literals;

/// Opens with patience, so that a slow machine does not commit before the test does.
FileOptions patient() { return {.transaction = {.quiet_max = 20s, .writer_quiet_max = 20s, .age_max = 20s}}; }

ssize_t failing_write(int file, const void* from, size_t length, off_t at) {
  if (const int error = write_errno; error != 0) {
    errno = error;
    return -1;
  }
  return static_cast<ssize_t>(syscall(SYS_pwrite64, file, from, length, at));
}

/// While it lives, SQLite's writes go through failing_write.
class WriteFaults {
 public:
  WriteFaults() { set(reinterpret_cast<sqlite3_syscall_ptr>(failing_write)); }
  ~WriteFaults() {
    write_errno = 0;
    set(nullptr);
  }
  WriteFaults(const WriteFaults&) = delete;
  WriteFaults& operator=(const WriteFaults&) = delete;

 private:
  static void set(sqlite3_syscall_ptr call) {
    sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr);
    vfs->xSetSystemCall(vfs, "pwrite64", call);
  }
};

/// Appends in a thread of its own and keeps what came of it.
class Appending {
 public:
  Appending(log::Log& log, std::string record)
      : thread_([this, &log, record = std::move(record)] { outcome_ = log.append(0, records_of({record})); }) {}
  Result<Offset> wait() {
    thread_.join();
    return outcome_;
  }

 private:
  Result<Offset> outcome_ = -1;
  std::jthread thread_;
};

TEST(Commit, AppendStageAndPublishAreOneFsync) {
  const TestFolder folder;
  const auto file = open_file(folder.file(), patient());
  TestWriter writer{file->store()};
  const auto prices = some_prices(1000);
  const std::uint64_t commits = file->counters().commits;
  const int before = syncs;
  Appending appending{file->log(), "batch"};
  const auto read = file->log().read(0, 0, 1 << 20, 20s);
  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->size(), 1U) << "seen before it is durable";
  EXPECT_EQ(file->counters().commits, commits);
  const auto outcome = writer.commit(header_of("a", "1", prices.size()), attempt_name(1), prices);
  EXPECT_EQ(outcome.version, 1U);
  ASSERT_TRUE(appending.wait().has_value());
  EXPECT_EQ(file->counters().commits, commits + 1);
  EXPECT_EQ(syncs - before, 1);
}

TEST(Commit, AnAppendDoesNotWaitForAWriterThatIsNotThere) {
  const TestFolder folder;
  const auto file = open_file(folder.file());
  const int before = syncs;
  ASSERT_TRUE(file->log().append(0, records_of({"one"})).has_value());
  EXPECT_GT(syncs, before);
  EXPECT_EQ(Sql{folder.file()}.number("SELECT count(*) FROM log_record"), 1) << "durable, so others see it";
}

TEST(Commit, AnAppendWaitsForAWriterThatHasReadIt) {
  const TestFolder folder;
  const auto file = open_file(folder.file(), {.transaction = {.quiet_max = 1s, .writer_quiet_max = 1h, .age_max = 1h}});
  TestWriter writer{file->store()};
  const std::uint64_t commits = file->counters().commits;
  Appending appending{file->log(), "one"};
  ASSERT_EQ(file->log().read(0, 0, 1 << 20, 20s)->size(), 1U);
  std::this_thread::sleep_for(1500ms);
  EXPECT_EQ(file->counters().commits, commits) << "longer than for one that has not";
  ASSERT_TRUE(writer.publish(writer.request({})).has_value());
  EXPECT_TRUE(appending.wait().has_value());
}

TEST(Commit, AnAppendDoesNotWaitForAWriterThatReadAndWentAway) {
  const TestFolder folder;
  const auto file = open_file(folder.file(), {.transaction = {.quiet_max = 1s, .writer_quiet_max = 1s, .age_max = 1h}});
  TestWriter writer{file->store()};
  const std::uint64_t commits = file->counters().commits;
  Appending appending{file->log(), "one"};
  ASSERT_EQ(file->log().read(0, 0, 1 << 20, 20s)->size(), 1U);
  for (int i = 0; i < 2000 && file->counters().commits == commits; ++i) std::this_thread::sleep_for(5ms);
  EXPECT_EQ(file->counters().commits, commits + 1);
  // Where it does wait, it must not keep the test.
  ASSERT_TRUE(writer.publish(writer.request({})).has_value());
  EXPECT_TRUE(appending.wait().has_value());
}

TEST(Commit, WhatIsReadIsTheOrderAndTheBoundOfBytes) {
  const TestFolder folder;
  const auto file = open_file(folder.file(), {.partition_count = 2});
  ASSERT_TRUE(file->log().append(1, records_of({"aaaa", "bbbb", "cccc"})).has_value());
  auto read = file->log().read(1, 0, 8, Duration{0});
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ((*read)[0].bytes, "aaaa");
  EXPECT_EQ((*read)[1].bytes, "bbbb");
  const Offset next = (*read)[1].offset + 1;
  read = file->log().read(1, next, 1, Duration{0});
  ASSERT_EQ(read->size(), 1U) << "at least one";
  EXPECT_EQ((*read)[0].bytes, "cccc");
  EXPECT_EQ(file->log().read(0, 0, 100, Duration{0})->size(), 0U) << "the other partition";
  EXPECT_FALSE(file->log().read(2, 0, 100, Duration{0}).has_value());
  EXPECT_FALSE(file->log().append(2, records_of({"x"})).has_value());
  EXPECT_FALSE(file->log().append(0, records_of({})).has_value());
}

TEST(Commit, WhatStandsBehindThePositionIsDeleted) {
  const TestFolder folder;
  const auto file = open_file(folder.file());
  const Offset last = *file->log().append(0, records_of({"a", "b", "c"}));
  TestWriter writer{file->store()};
  auto request = writer.request({});
  request.next.offset = last - 1;
  ASSERT_TRUE(writer.publish(request).has_value());
  EXPECT_EQ(file->log().read(0, last - 1, 100, Duration{0}).error().failure, Failure::damaged);
  const auto rest = file->log().read(0, last, 100, Duration{0});
  ASSERT_EQ(rest->size(), 1U);
  EXPECT_EQ(rest->front().bytes, "c");
  EXPECT_TRUE(file->log().trim(0, last).has_value());
  EXPECT_EQ(file->log().read(0, last, 100, Duration{0})->size(), 1U);
}

TEST(Commit, ThoseWhoWaitTogetherShareCommits) {
  const TestFolder folder;
  const auto file = open_file(folder.file());
  constexpr int threads = 8;
  constexpr int appends = 25;
  std::jthread writer_thread{[&](const std::stop_token& stop) {
    TestWriter writer{file->store()};
    Offset next = writer.position.offset + 1;
    while (!stop.stop_requested()) {
      const auto records = file->log().read(0, next, 1 << 20, 50ms);
      if (!records || records->empty()) continue;
      next = records->back().offset + 1;
      auto request = writer.request({});
      request.next.offset = next - 1;
      EXPECT_TRUE(writer.publish(request).has_value());
    }
  }};
  std::vector<std::jthread> clients;
  std::atomic<int> accepted{0};
  std::mutex mutex;
  std::vector<Offset> offsets;
  for (int client = 0; client < threads; ++client) {
    clients.emplace_back([&, client] {
      Offset last = -1;
      for (int i = 0; i < appends; ++i) {
        const auto offset = file->log().append(0, records_of({std::to_string(client) + "-" + std::to_string(i)}));
        ASSERT_TRUE(offset.has_value()) << offset.error().message;
        EXPECT_GT(*offset, last);
        last = *offset;
        ++accepted;
        const std::lock_guard lock{mutex};
        offsets.push_back(last);
      }
    });
  }
  clients.clear();
  writer_thread.request_stop();
  writer_thread.join();
  EXPECT_EQ(accepted, threads * appends);
  std::ranges::sort(offsets);
  EXPECT_EQ(std::ranges::adjacent_find(offsets), offsets.end()) << "no offset twice";
  const Counters counters = file->counters();
  EXPECT_EQ(counters.records_appended, static_cast<std::uint64_t>(threads * appends));
  EXPECT_LT(counters.commits, static_cast<std::uint64_t>(threads * appends)) << "fewer commits than batches";
}

TEST(Commit, FullDiskRefusesAllInTheTransactionAndGoesOn) {
  const TestFolder folder;
  FileOptions options = patient();
  options.page_count_max = 200;
  const auto file = open_file(folder.file(), options);
  TestWriter writer{file->store()};
  const auto prices = some_prices(1000);
  writer.commit(header_of("a", "1", prices.size()), attempt_name(1), prices);

  Appending small{file->log(), "small"};
  const auto seen = file->log().read(0, 0, 1 << 20, 20s);
  ASSERT_EQ(seen->size(), 1U);
  const Offset gone = seen->front().offset;
  ASSERT_TRUE(file->store().stage(writer.chunk(attempt_name(2), 0, prices)).has_value());
  const auto too_much = file->log().append(0, records_of({std::string(3 << 20, 'x')}));
  ASSERT_FALSE(too_much.has_value());
  EXPECT_EQ(too_much.error().failure, Failure::full);
  const auto refused = small.wait();
  ASSERT_FALSE(refused.has_value()) << "it was in the same transaction";
  EXPECT_EQ(refused.error().failure, Failure::full);

  // The writer has seen what is gone: it must begin anew, and finds other offsets.
  const auto lost =
      writer.publish(writer.request({store::CommitDecision{header_of("a", "2", prices.size()), attempt_name(2), 1}}));
  ASSERT_FALSE(lost.has_value());
  EXPECT_EQ(lost.error().failure, Failure::lost);
  EXPECT_EQ(file->store().stage(writer.chunk(attempt_name(2), 0, prices)).error().failure, Failure::lost);
  writer.claim();
  const auto missing =
      writer.publish(writer.request({store::CommitDecision{header_of("a", "2", prices.size()), attempt_name(2), 1}}));
  EXPECT_EQ(missing.error().failure, Failure::not_found) << "its markers are gone";
  Appending next{file->log(), "next"};
  const auto after = file->log().read(0, 0, 1 << 20, 20s);
  ASSERT_EQ(after->size(), 1U);
  EXPECT_EQ(after->front().bytes, "next");
  EXPECT_GT(after->front().offset, gone) << "an offset is never given twice";
  EXPECT_EQ(writer.commit(header_of("a", "2", prices.size()), attempt_name(2), prices).version, 2U);
  EXPECT_TRUE(next.wait().has_value());
  EXPECT_EQ(prices_at(file->store(), 2), sum_of(prices, prices));
}

TEST(Commit, FullDiskAtStagingOrLargeAppendChangesNothing) {
  const TestFolder folder;
  const auto file = open_file(folder.file(), {.page_count_max = 100});
  TestWriter writer{file->store()};
  const auto prices = some_prices(100'000);
  EXPECT_EQ(file->store().stage(writer.chunk(attempt_name(1), 0, prices)).error().failure, Failure::full);
  const std::vector<std::string> large(9, std::string(1 << 20, 'x'));
  EXPECT_EQ(file->log().append(0, records_of(large)).error().failure, Failure::full);
  EXPECT_EQ(file->log().read(0, 0, 1 << 20, Duration{0})->size(), 0U);
  EXPECT_TRUE(file->log().append(0, records_of({"small"})).has_value());
  Sql sql{folder.file()};
  EXPECT_EQ(sql.number("SELECT count(*) FROM price"), 0);
  EXPECT_EQ(sql.rows("PRAGMA integrity_check").front(), "ok");
}

TEST(Commit, LargeAppendStandsByItselfAndLeavesOthersAlone) {
  const TestFolder folder;
  FileOptions options = patient();
  options.page_count_max = 900;
  const auto file = open_file(folder.file(), options);
  Appending small{file->log(), "small"};
  ASSERT_EQ(file->log().read(0, 0, 1 << 20, 20s)->size(), 1U);
  const std::vector<std::string> too_large(9, std::string(1 << 20, 'x'));
  EXPECT_EQ(file->log().append(0, records_of(too_large)).error().failure, Failure::full);
  EXPECT_TRUE(small.wait().has_value()) << "was committed before it";
  const std::vector<std::string> large(5, std::string(1 << 20, 'x'));
  const auto last = file->log().append(0, records_of(large));
  ASSERT_TRUE(last.has_value()) << "by itself, no publish needed";
  EXPECT_EQ(file->log().read(0, 1, 64 << 20, Duration{0})->size(), 5U);
  EXPECT_EQ(file->log().read(0, 1, 64 << 20, Duration{0})->back().offset, *last);
}

TEST(Commit, RecordSourceThatFailsLeavesNothing) {
  const TestFolder folder;
  const auto file = open_file(folder.file());
  for (const std::size_t good : {std::size_t{1}, std::size_t{6}}) {
    std::size_t given = 0;
    const auto outcome = file->log().append(0, [&]() -> Result<std::optional<std::string>> {
      if (given++ == good) return fail(Failure::damaged, "the spool cannot be read");
      return std::string(1 << 20, 'x');
    });
    ASSERT_FALSE(outcome.has_value());
    EXPECT_EQ(outcome.error().failure, Failure::refused);
    EXPECT_EQ(file->log().read(0, 0, 1 << 20, Duration{0})->size(), 0U);
  }
}

TEST(Commit, WritesThatFailAreOutlived) {
  const TestFolder folder;
  const auto file = open_file(folder.file());
  const WriteFaults faults;
  TestWriter writer{file->store()};
  const auto prices = some_prices(1000);
  ASSERT_TRUE(file->store().stage(writer.chunk(attempt_name(1), 0, prices)).has_value());
  const auto request = writer.request({store::CommitDecision{header_of("a", "1", prices.size()), attempt_name(1), 1}});
  write_errno = ENOSPC;
  auto outcome = writer.publish(request);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().failure, Failure::full);
  EXPECT_EQ(file->log().append(0, records_of({"x"})).error().failure, Failure::full);
  write_errno = EIO;
  EXPECT_EQ(file->log().append(0, records_of({"x"})).error().failure, Failure::unknown)
      << "the last frame may be on the disk";
  write_errno = 0;
  EXPECT_EQ(file->store().head()->version, 0U);
  writer.claim();
  EXPECT_EQ(writer.commit(header_of("a", "1", prices.size()), attempt_name(1), prices).version, 1U);
  EXPECT_TRUE(file->log().append(0, records_of({"x"})).has_value());
  EXPECT_EQ(file->counters().rollbacks, 3U);
}

TEST(CommitDeathTest, FailedFsyncEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const TestFolder folder;
  EXPECT_DEATH(
      {
        const auto file = open_file(folder.file("died.db"));
        syncs_fail = true;
        (void)file->log().append(0, records_of({"x"}));
      },
      "failed fsync");
}

TEST(Commit, WalStaysBoundedAndIsMovedWhenIdle) {
  const TestFolder folder;
  const auto file = open_file(folder.file(), {.transaction = {.wal_bytes_max = 1 << 20},
                                              .checkpoint = {.wal_bytes_soft = 256 << 10, .idle = 20ms}});
  TestWriter writer{file->store()};
  std::vector<NumberedPrice> all;
  std::uint64_t largest = 0;
  for (int i = 0; i < 100; ++i) {
    const auto prices = some_prices(10'000, static_cast<std::uint32_t>(i));
    writer.commit(header_of("a", std::to_string(i), prices.size()), attempt_name(i), prices);
    largest = std::max(largest, file->counters().wal_bytes);
    all.insert(all.end(), prices.begin(), prices.end());
  }
  EXPECT_GT(file->counters().checkpoints, 0U);
  EXPECT_LT(largest, 2U << 20) << "the bound and one batch more, of some 18 MiB that were written";
  std::ranges::sort(all);
  EXPECT_EQ(prices_at(file->store(), 100), all);
  for (int i = 0; i < 2000 && std::filesystem::file_size(folder.file()) < (16U << 20); ++i) {
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_GE(std::filesystem::file_size(folder.file()), 16U << 20) << "all of it, once nothing happens";
}

TEST(Commit, ATransactionThatAllHaveLeftIsCommitted) {
  const TestFolder folder;
  const auto file = open_file(folder.file(), {.transaction = {.age_max = 10ms}});
  TestWriter writer{file->store()};
  const std::uint64_t commits = file->counters().commits;
  ASSERT_TRUE(file->store().stage(writer.chunk(attempt_name(1), 0, some_prices(10))).has_value());
  for (int i = 0; i < 2000 && file->counters().commits == commits; ++i) std::this_thread::sleep_for(5ms);
  EXPECT_EQ(file->counters().commits, commits + 1);
}

TEST(Commit, ManyPricesAreCommittedWithoutAPublish) {
  const TestFolder folder;
  const auto file = open_file(folder.file(), {.transaction = {.age_max = 20s, .prices_max = 2000}});
  TestWriter writer{file->store()};
  const std::uint64_t commits = file->counters().commits;
  const auto prices = some_prices(1000);
  for (std::uint32_t chunk = 0; chunk < 4; ++chunk) {
    ASSERT_TRUE(file->store().stage(writer.chunk(attempt_name(1), chunk, prices)).has_value());
  }
  EXPECT_EQ(file->counters().commits, commits + 2);
  EXPECT_EQ(writer.decide(store::CommitDecision{header_of("a", "1", 4000), attempt_name(1), 4}).version, 1U);
}

}  // namespace
}  // namespace ratebook::sqlite
