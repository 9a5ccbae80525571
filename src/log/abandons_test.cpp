#include "log/abandons.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

namespace ratebook::log {
namespace {

using namespace std::chrono_literals;

/// Takes single records of partitions that answer, and keeps the attempts that they give up.
class TestLog final : public Log {
 public:
  std::uint32_t partition_count() const override { return 4; }
  bool is_part_of_store() const override { return false; }
  Result<Offset> append(std::uint32_t partition, const RecordSource& source) override {
    const auto record = decode(**source());
    const std::lock_guard lock{mutex_};
    ++tried_;
    if (partition == silent_) return fail(Failure::unknown, "silent");
    given_up_.push_back(std::get<AbandonRecord>(*record).attempt);
    return 0;
  }
  Result<std::vector<StoredRecord>> read(std::uint32_t, Offset, std::size_t, Duration) override {
    return std::vector<StoredRecord>{};
  }
  Assignment assignment() override { return {}; }
  Result<void> trim(std::uint32_t, Offset) override { return {}; }

  void silence(std::uint32_t partition) {
    const std::lock_guard lock{mutex_};
    silent_ = partition;
  }
  std::vector<std::string> given_up() const {
    const std::lock_guard lock{mutex_};
    return given_up_;
  }
  int tried() const {
    const std::lock_guard lock{mutex_};
    return tried_;
  }

 private:
  mutable std::mutex mutex_;
  std::uint32_t silent_ = 99;
  int tried_ = 0;
  std::vector<std::string> given_up_;
};

std::string attempt(char name) { return std::string(32, name); }

void wait_until(const std::function<bool()>& condition) {
  while (!condition()) std::this_thread::sleep_for(1ms);
}

TEST(Abandons, StandInTheLogInTheirOrderAsSoonAsItAnswers) {
  TestLog log;
  const Runtime runtime = machine_runtime();
  Abandons abandons{log, runtime, {.rest = 1ms}};
  log.silence(1);
  abandons.add(1, attempt('a'));
  wait_until([&] { return log.tried() >= 2; });
  EXPECT_TRUE(log.given_up().empty());
  abandons.add(2, attempt('b'));
  abandons.add(2, attempt('c'));
  wait_until([&] { return log.given_up().size() == 2; });  // not behind the partition that is silent
  EXPECT_EQ(log.given_up(), (std::vector{attempt('b'), attempt('c')}));
  log.silence(99);
  wait_until([&] { return log.given_up().size() == 3; });
  EXPECT_EQ(log.given_up().back(), attempt('a'));
  wait_until([&] { return abandons.queued() == 0; });
}

TEST(Abandons, AreLeftToTheWriterWhereTheNodeEnds) {
  TestLog log;
  const Runtime runtime = machine_runtime();
  log.silence(1);
  Abandons abandons{log, runtime, {.rest = std::chrono::hours{1}}};
  for (int i = 0; i < 100; ++i) abandons.add(1, attempt('a'));
  wait_until([&] { return log.tried() == 1; });
}

TEST(Abandons, AreLeftToTheWriterWhereTheyAreTooManyOrTooOld) {
  TestLog log;
  Runtime runtime = machine_runtime();
  std::atomic<std::int64_t> now = 0;
  runtime.boot_time = [&] { return BootTime{now.load()}; };
  log.silence(1);
  Abandons abandons{log, runtime, {.queued_max = 3, .keep_time_max = 10s, .rest = 1ms}};
  for (int i = 0; i < 100; ++i) abandons.add(1, attempt('a'));
  EXPECT_LE(abandons.queued(), 3U);
  now = BootTime{10s}.count();
  wait_until([&] { return abandons.queued() == 0; });
  EXPECT_TRUE(log.given_up().empty());
}

}  // namespace
}  // namespace ratebook::log
