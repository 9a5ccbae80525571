// The topic: made as the log needs it, refused where it would not keep what is accepted.
#include "kafka/topic.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "kafka/test_broker.hpp"

namespace ratebook::kafka {
namespace {

using namespace testing;    // NOLINT(google-build-using-namespace)
using namespace ::testing;  // NOLINT(google-build-using-namespace)

/// A topic that somebody else made.
void make_topic(const KafkaOptions& options, const std::vector<std::pair<const char*, const char*>>& config) {
  const auto client = Client::make(RD_KAFKA_CONSUMER, options, {});
  ASSERT_TRUE(client);
  std::array<char, 256> error{};
  const rd::NewTopic topic{rd_kafka_NewTopic_new(options.topic.c_str(), 3, 1, error.data(), error.size())};
  for (const auto& [name, value] : config) rd_kafka_NewTopic_set_config(topic.get(), name, value);
  const rd::Queue queue{rd_kafka_queue_new(client->get())};
  std::array topics{topic.get()};
  rd_kafka_CreateTopics(client->get(), topics.data(), 1, nullptr, queue.get());
  const rd::Event event{rd_kafka_queue_poll(queue.get(), 10'000)};
  ASSERT_TRUE(event);
}

std::string refusal(const KafkaOptions& options, std::optional<std::uint32_t> store_partitions = std::nullopt) {
  const auto prepared = prepare_topic(options, test_runtime(), {store_partitions});
  if (prepared) return "accepted";
  EXPECT_EQ(prepared.error().failure, Failure::conflict);
  return prepared.error().message;
}

TEST(KafkaTopic, IsMadeOnceWithThePartitionsOfTheStore) {
  const auto options = test_options(4);
  EXPECT_EQ(prepare_topic(options, test_runtime(), {5}), 5U);
  EXPECT_EQ(prepare_topic(options, test_runtime(), {5}), 5U);
  EXPECT_EQ(prepare_topic(options, test_runtime(), {}), 5U);
  EXPECT_THAT(refusal(options, 6), HasSubstr("has 5 partitions, the store was written from 6"));
}

TEST(KafkaTopic, NodesThatStartAtOnceAgree) {
  const auto options = test_options(3);
  std::vector<std::jthread> nodes;
  for (int i = 0; i < 4; ++i) {
    nodes.emplace_back([&] {
      const auto prepared = prepare_topic(options, test_runtime(), {});
      EXPECT_TRUE(prepared && *prepared == 3U) << prepared.error().message;
    });
  }
}

TEST(KafkaTopic, OneThatCouldLoseRecordsIsRefusedWithWordsThatMendIt) {
  const auto options = test_options();
  make_topic(options, {{"cleanup.policy", "compact"}, {"retention.ms", "1000"}, {"min.insync.replicas", "1"}});
  const auto words = refusal(options);
  EXPECT_THAT(words, HasSubstr("cleanup.policy is compact"));
  EXPECT_THAT(words, HasSubstr("retention.ms is 1000"));
  EXPECT_THAT(words, HasSubstr("flush.messages is 9223372036854775807"));
  EXPECT_THAT(words,
              HasSubstr("kafka-configs.sh --alter --topic " + options.topic + " --add-config cleanup.policy=delete,"));
  EXPECT_THAT(words, Not(HasSubstr("min.insync")));
}

TEST(KafkaTopic, EverySettingThatCouldLoseRecordsIsRefused) {
  KafkaOptions options;
  options.replication = 3;
  const TopicConfig good{{"cleanup.policy", "delete"},    {"compression.type", "zstd"},
                         {"flush.messages", "1"},         {"min.insync.replicas", "2"},
                         {"retention.bytes", "-1"},       {"retention.ms", "-1"},
                         {"segment.bytes", "1073741824"}, {"unclean.leader.election.enable", "false"}};
  EXPECT_TRUE(check_config(options, good));
  const TopicConfig bad{{"cleanup.policy", "delete,compact"}, {"flush.messages", "2"},
                        {"min.insync.replicas", "1"},         {"retention.bytes", "1000000"},
                        {"retention.ms", "604800000"},        {"unclean.leader.election.enable", "true"}};
  for (const auto& [name, value] : bad) {
    auto config = good;
    config[name] = value;
    const auto refused = check_config(options, config);
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().failure, Failure::conflict);
    EXPECT_THAT(refused.error().message, HasSubstr(name + " is " + value));
    EXPECT_THAT(refused.error().message, HasSubstr(name + "=" + good.at(name)));
    config.erase(name);
    EXPECT_FALSE(check_config(options, config)) << name << " is not told";
  }
  auto more = good;
  more["min.insync.replicas"] = "3";
  EXPECT_TRUE(check_config(options, more));
}

TEST(KafkaTopic, FewerCopiesThanAskedForAreRefused) {
  auto options = test_options();
  make_topic(options, {{"retention.ms", "-1"}, {"flush.messages", "1"}});
  options.replication = 3;
  EXPECT_THAT(refusal(options), HasSubstr("has 1 copies instead of 3"));
}

TEST(KafkaTopic, MoreCopiesThanBrokersAreWaitedFor) {
  auto options = test_options();
  options.replication = 3;
  const auto prepared = prepare_topic(options, test_runtime(), {});
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().failure, Failure::unavailable) << "the others may be on their way";
  EXPECT_THAT(prepared.error().message, HasSubstr("start more brokers"));
}

TEST(KafkaTopic, OneCopyNeedsNoOtherInSync) {
  auto options = test_options();
  make_topic(options, {{"retention.ms", "-1"}, {"flush.messages", "1"}, {"min.insync.replicas", "1"}});
  EXPECT_EQ(refusal(options), "accepted");
}

TEST(KafkaTopic, NobodyThereIsSaidInTime) {
  auto options = test_options();
  options.brokers = "127.0.0.1:1";
  options.open_time_max = std::chrono::seconds{1};
  const BootTime began = test_runtime().boot_time();
  const auto prepared = prepare_topic(options, test_runtime(), {});
  EXPECT_LT(test_runtime().boot_time() - began, std::chrono::seconds{4});
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().failure, Failure::unavailable);
  EXPECT_THAT(prepared.error().message, HasSubstr("127.0.0.1:1"));
}

TEST(KafkaTopic, AWrongSettingIsNamed) {
  auto options = test_options();
  options.security.protocol = "carrier-pigeon";
  const auto prepared = prepare_topic(options, test_runtime(), {});
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().failure, Failure::refused);
  EXPECT_THAT(prepared.error().message, HasSubstr("carrier-pigeon"));
}

}  // namespace
}  // namespace ratebook::kafka
