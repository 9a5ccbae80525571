// A topic that is deleted and made again under a running node (rule 23): nothing in it is taken for what was there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "kafka/test_broker.hpp"
#include "log/attempt.hpp"
#include "log/look.hpp"

namespace ratebook::kafka {
namespace {

using namespace testing;    // NOLINT(google-build-using-namespace)
using namespace ::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

/// Deleted, and nobody has heard of it any more.
void delete_topic(const KafkaOptions& options) {
  const auto client = Client::make(RD_KAFKA_CONSUMER, options, {});
  ASSERT_TRUE(client);
  const rd::DeleteTopic topic{rd_kafka_DeleteTopic_new(options.topic.c_str())};
  const rd::Queue queue{rd_kafka_queue_new(client->get())};
  std::array topics{topic.get()};
  rd_kafka_DeleteTopics(client->get(), topics.data(), 1, nullptr, queue.get());
  const rd::Event event{rd_kafka_queue_poll(queue.get(), 10'000)};
  ASSERT_TRUE(event);
  for (int i = 0; i < 200; ++i) {
    auto quickly = options;
    quickly.open_time_max = 1s;
    const auto prepared = prepare_topic(quickly, test_runtime(), {.has_position = true});
    if (!prepared && prepared.error().failure == Failure::conflict) return;
    std::this_thread::sleep_for(50ms);
  }
  FAIL() << "the topic is still there";
}

class KafkaAnotherLog : public ::testing::Test {
 protected:
  KafkaAnotherLog() {
    options.read_time_max = 2s;
    log = open_log(options);
    log->standing()->proven(0, log->standing()->begin_look(0), -1);
  }
  void fill(KafkaLog& into, int count, const std::string& prefix = "") {
    std::vector<std::string> records;
    for (int i = 0; i < count; ++i) records.push_back(prefix + std::to_string(i));
    auto last = into.append(0, source_of(records));
    // A broker that is slow, or has just heard of the topic: surely none of them is in.
    for (int i = 0; i < 20 && !last && last.error().failure == Failure::refused; ++i) {
      last = into.append(0, source_of(records));
    }
    ASSERT_TRUE(last) << last.error().message;
  }
  void make_anew() {
    ASSERT_NO_FATAL_FAILURE(delete_topic(options));
    ASSERT_EQ(prepare_topic(options, test_runtime(), {}), 1U);
  }
  /// A retraction is one record.
  Result<log::Place> put() { return log::put_retraction(*log, {"8045687535adadda406079bed489e7a0", "carrier-a", 1}); }
  Result<std::vector<log::StoredRecord>> read_on(Offset from) { return log->read(0, from, 1u << 20, 10ms); }
  void expect_surely_another(const std::string& words) {
    const auto other = log->standing()->other(0);
    ASSERT_TRUE(other);
    EXPECT_THAT(*other, HasSubstr(words));
  }

  KafkaOptions options = test_options();
  std::unique_ptr<KafkaLog> log;
};

TEST_F(KafkaAnotherLog, NoRecordInItIsAcknowledgedAsBefore) {
  ASSERT_NO_FATAL_FAILURE(fill(*log, 10));
  ASSERT_NO_FATAL_FAILURE(make_anew());
  // While the producer learns of the new topic it fails otherwise.
  for (int i = 0; i < 100 && !log->standing()->other(0); ++i) {
    const auto put_there = put();
    ASSERT_FALSE(put_there) << "taken for record " << put_there->offset << " of the log";
    std::this_thread::sleep_for(50ms);
  }
  expect_surely_another("deleted and made again");
  for (int i = 0; i < 14; ++i) {
    const auto refused = put();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().failure, Failure::refused);
    EXPECT_THAT(refused.error().message, HasSubstr(options.topic));
  }
}

TEST_F(KafkaAnotherLog, WhatWasReadIsKnownToBeThereAsWhatWasAppended) {
  const auto other_node = open_log(options);
  ASSERT_NO_FATAL_FAILURE(fill(*other_node, 10));
  ASSERT_TRUE(read_on(0));
  EXPECT_EQ(log->standing()->reach(0).end, 10);
  make_anew();
  for (int i = 0; i < 100 && !log->standing()->other(0); ++i) {
    ASSERT_FALSE(put());
    std::this_thread::sleep_for(50ms);
  }
  expect_surely_another("though it had 10 before");
}

TEST_F(KafkaAnotherLog, AReaderThatIsFurtherThanItsEndSaysSo) {
  ASSERT_NO_FATAL_FAILURE(fill(*log, 10));
  ASSERT_EQ(read_on(0)->size(), 10U);
  ASSERT_TRUE(read_on(10)->empty());
  make_anew();
  fill(*open_log(options), 3, "foreign ");
  Failure last = Failure::unavailable;
  for (const BootTime until = test_runtime().boot_time() + 60s;
       last != Failure::damaged && test_runtime().boot_time() < until;) {
    const auto records = read_on(10);
    if (records) {
      EXPECT_TRUE(records->empty()) << "passed over what was accepted";
      last = Failure::unavailable;
    } else {
      last = records.error().failure;
    }
  }
  EXPECT_EQ(last, Failure::damaged);
}

TEST_F(KafkaAnotherLog, ALookAtThePositionTells) {
  using Finding = log::Look::Finding;
  ASSERT_NO_FATAL_FAILURE(fill(*log, 10));
  const Position position{9, sha256("9")};
  const auto finding = [&] {
    auto found = log::look_at(*log, 0, position);
    for (int i = 0; i < 50 && !found; ++i) found = log::look_at(*log, 0, position);
    EXPECT_TRUE(found) << found.error().message;
    return found->finding;
  };
  EXPECT_EQ(finding(), Finding::same);
  make_anew();
  EXPECT_EQ(finding(), Finding::ends_before);
  fill(*open_log(options), 14, "foreign ");
  EXPECT_EQ(finding(), Finding::other);
}

TEST_F(KafkaAnotherLog, AMissingTopicIsNotMadeForAStoreThatWasWrittenFromOne) {
  delete_topic(options);
  const auto refused = KafkaLog::open(options, test_runtime(), {.partitions = 1, .has_position = true});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::conflict);
  EXPECT_THAT(refused.error().message, HasSubstr("there is no topic " + options.topic));
  EXPECT_THAT(refused.error().message, HasSubstr("belong to this store"));
  const auto again = prepare_topic(options, test_runtime(), {.has_position = true});
  EXPECT_FALSE(again) << "it was made";
  EXPECT_EQ(prepare_topic(options, test_runtime(), {}), 1U);
  EXPECT_EQ(prepare_topic(options, test_runtime(), {.partitions = 1, .has_position = true}), 1U);
}

}  // namespace
}  // namespace ratebook::kafka
