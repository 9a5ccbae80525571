#include "kafka/topic.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <span>

#include "kafka/client.hpp"

namespace ratebook::kafka {
namespace {

/// Versions before send the client's nonce twice, which Kafka 4 refuses (CVE-2024-56128).
constexpr int scram_version_min = 0x020601ff;

std::unexpected<Fault> unreachable(const KafkaOptions& options, std::string_view why) {
  const bool refuses_scram = options.security.protocol.starts_with("sasl") &&
                             options.security.sasl_mechanism.starts_with("SCRAM") &&
                             rd_kafka_version() < scram_version_min;
  return fail(Failure::unavailable,
              fmt::format("Kafka at {} does not answer: {}{}", options.brokers, why,
                          refuses_scram ? fmt::format(". {} with librdkafka {}, older than 2.6.1, is refused by Kafka "
                                                      "4: take PLAIN over sasl_ssl, a certificate, or a newer "
                                                      "librdkafka",
                                                      options.security.sasl_mechanism, rd_kafka_version_str())
                                        : ""));
}

int in_sync_min(const KafkaOptions& options) { return options.replication > 1 ? 2 : 1; }

/// What must be so, that a record which is acknowledged is kept until it is trimmed.
TopicConfig wanted_config(const KafkaOptions& options) {
  return {
      {"cleanup.policy", "delete"},
      {"compression.type", "producer"},
      {"flush.messages", "1"},
      {"min.insync.replicas", fmt::to_string(in_sync_min(options))},
      {"retention.bytes", "-1"},
      {"retention.ms", "-1"},
      {"unclean.leader.election.enable", "false"},
  };
}

/// Kafka frees what is trimmed a whole segment at a time: by default 1 GiB in each partition stays.
constexpr const char* segment_bytes = "67108864";

struct Shape {
  std::uint32_t partitions = 0;
  int replicas_least = 0;
};

class TopicAdmin {
 public:
  TopicAdmin(const Client& client, const KafkaOptions& options, const Runtime& runtime)
      : client_(client),
        options_(options),
        runtime_(runtime),
        until_(runtime.boot_time() + options.open_time_max),
        answers_(rd_kafka_queue_new(client.get())) {}

  /// nullopt: there is no such topic.
  Result<std::optional<Shape>> shape() const {
    const rd_kafka_metadata_t* metadata = nullptr;
    const auto error =
        rd_kafka_metadata(client_.get(), 0, client_.topic(), &metadata, milliseconds_left(runtime_, until_));
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return unreachable(options_, rd_kafka_err2str(error));
    const std::unique_ptr<const rd_kafka_metadata_t, rd::Destroy<rd_kafka_metadata_destroy>> owned{metadata};
    const auto& topic = metadata->topics[0];
    if (topic.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return std::nullopt;
    if (topic.err != RD_KAFKA_RESP_ERR_NO_ERROR) return unreachable(options_, rd_kafka_err2str(topic.err));
    const std::span partitions{topic.partitions, static_cast<std::size_t>(topic.partition_cnt)};
    if (partitions.empty()) return std::nullopt;
    const auto least = std::ranges::min_element(partitions, {}, &rd_kafka_metadata_partition_t::replica_cnt);
    return Shape{static_cast<std::uint32_t>(partitions.size()), least->replica_cnt};
  }

  /// Fine, too, where another node was quicker.
  Result<void> make(std::uint32_t partitions) const {
    std::array<char, 512> error{};
    const rd::NewTopic topic{rd_kafka_NewTopic_new(options_.topic.c_str(), static_cast<int>(partitions),
                                                   options_.replication, error.data(), error.size())};
    if (!topic) return fail(Failure::refused, fmt::format("the topic {}: {}", options_.topic, error.data()));
    for (const auto& [name, value] : wanted_config(options_)) {
      rd_kafka_NewTopic_set_config(topic.get(), name.c_str(), value.c_str());
    }
    rd_kafka_NewTopic_set_config(topic.get(), "segment.bytes", segment_bytes);
    std::array topics{topic.get()};
    const auto how = admin_options(RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_CreateTopics(client_.get(), topics.data(), topics.size(), how.get(), answers_.get());
    const auto answer = next_answer();
    if (!answer) return std::unexpected(answer.error());
    std::size_t count = 0;
    const auto results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(answer->get()), &count);
    const auto failed = rd_kafka_topic_result_error(results[0]);
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR || failed == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) return {};
    // Brokers that are not there yet may come.
    const bool may_pass = failed == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR ||
                          failed == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT || failed == RD_KAFKA_RESP_ERR_NOT_CONTROLLER ||
                          failed == RD_KAFKA_RESP_ERR__TIMED_OUT;
    return fail(
        may_pass ? Failure::unavailable : Failure::conflict,
        fmt::format("the topic {} cannot be made with {} copies: {}; start more brokers, or ask for fewer copies",
                    options_.topic, options_.replication, rd_kafka_topic_result_error_string(results[0])));
  }

  Result<TopicConfig> config() const {
    const rd::ConfigResource resource{rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, options_.topic.c_str())};
    std::array resources{resource.get()};
    const auto how = admin_options(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_DescribeConfigs(client_.get(), resources.data(), resources.size(), how.get(), answers_.get());
    const auto answer = next_answer();
    if (!answer) return std::unexpected(answer.error());
    std::size_t count = 0;
    const auto results =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(answer->get()), &count);
    if (rd_kafka_ConfigResource_error(results[0]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return unreachable(options_, rd_kafka_ConfigResource_error_string(results[0]));
    }
    const auto entries = rd_kafka_ConfigResource_configs(results[0], &count);
    TopicConfig config;
    for (const auto* entry : std::span{entries, count}) {
      const char* value = rd_kafka_ConfigEntry_value(entry);
      config.emplace(rd_kafka_ConfigEntry_name(entry), value == nullptr ? "" : value);
    }
    return config;
  }

  bool has_time(Duration more = Duration{0}) const { return runtime_.boot_time() + more < until_; }

 private:
  rd::AdminOptions admin_options(rd_kafka_admin_op_t call) const {
    rd::AdminOptions how{rd_kafka_AdminOptions_new(client_.get(), call)};
    std::array<char, 128> error{};
    rd_kafka_AdminOptions_set_request_timeout(how.get(), std::max(1, milliseconds_left(runtime_, until_)), error.data(),
                                              error.size());
    return how;
  }

  Result<rd::Event> next_answer() const {
    rd::Event event{rd_kafka_queue_poll(answers_.get(), milliseconds_left(runtime_, until_))};
    if (!event) return unreachable(options_, "timed out");
    if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return unreachable(options_, rd_kafka_event_error_string(event.get()));
    }
    return event;
  }

  const Client& client_;
  const KafkaOptions& options_;
  const Runtime& runtime_;
  BootTime until_;
  rd::Queue answers_;
};

Result<void> check_shape(const KafkaOptions& options, const Shape& shape, std::optional<std::uint32_t> wanted) {
  if (wanted && shape.partitions != *wanted) {
    return fail(
        Failure::conflict,
        fmt::format("the topic {} has {} partitions, the store was written from {}: name the topic that belongs "
                    "to this store; if partitions were added, move to a new topic of {}",
                    options.topic, shape.partitions, *wanted, *wanted));
  }
  if (shape.replicas_least < options.replication) {
    return fail(Failure::conflict, fmt::format("a partition of the topic {} has {} copies instead of {}: add some with "
                                               "kafka-reassign-partitions.sh, or ask for fewer",
                                               options.topic, shape.replicas_least, options.replication));
  }
  return {};
}

bool is_as_wanted(std::string_view name, std::string_view value, std::string_view wanted) {
  if (name == "compression.type") return true;  // costs the broker time, loses nothing
  if (name != "min.insync.replicas") return value == wanted;
  int number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number >= (wanted == "2" ? 2 : 1);
}

}  // namespace

Result<void> check_config(const KafkaOptions& options, const TopicConfig& config) {
  std::vector<std::string> found;
  std::vector<std::string> mend;
  for (const auto& [name, wanted] : wanted_config(options)) {
    const auto at = config.find(name);
    const std::string value = at == config.end() ? "not set" : at->second;
    if (is_as_wanted(name, value, wanted)) continue;
    found.push_back(fmt::format("{} is {}", name, value));
    mend.push_back(fmt::format("{}={}", name, wanted));
  }
  if (found.empty()) return {};
  return fail(Failure::conflict,
              fmt::format("the topic {} could lose what was accepted: {}. Mend it: kafka-configs.sh --alter --topic {} "
                          "--add-config {}",
                          options.topic, fmt::join(found, ", "), options.topic, fmt::join(mend, ",")));
}

Result<std::uint32_t> prepare_topic(const KafkaOptions& options, const Runtime& runtime, const StoreSide& store) {
  // A consumer: it never makes a topic by asking for it.
  const auto client = Client::make(RD_KAFKA_CONSUMER, options, {});
  if (!client) return std::unexpected(client.error());
  const TopicAdmin admin{*client, options, runtime};
  bool made = false;
  while (true) {
    const auto shape = admin.shape();
    if (!shape) return std::unexpected(shape.error());
    if (*shape) {
      if (auto checked = check_shape(options, **shape, store.partitions); !checked) {
        return std::unexpected(checked.error());
      }
      const auto config = admin.config();
      if (!config) return std::unexpected(config.error());
      if (auto checked = check_config(options, *config); !checked) return std::unexpected(checked.error());
      return (*shape)->partitions;
    }
    if (store.has_position && admin.has_time(options.open_time_max / 2)) {
      // A broker that has just started may not have heard of it yet.
      runtime.sleep(std::chrono::milliseconds{200});
      continue;
    }
    if (store.has_position) {
      return fail(
          Failure::conflict,
          fmt::format(
              "there is no topic {} at {}, but the store was written from one: connect the brokers and name the "
              "topic that belong to this store; where it is lost for good, see what the docs say of a log that "
              "begins anew. None is made",
              options.topic, options.brokers));
    }
    if (!made) {
      if (auto done = admin.make(store.partitions.value_or(options.partitions)); !done) {
        return std::unexpected(done.error());
      }
      made = true;
    } else {
      if (!admin.has_time()) return unreachable(options, "a topic that was made does not show");
      runtime.sleep(std::chrono::milliseconds{20});
    }
  }
}

}  // namespace ratebook::kafka
