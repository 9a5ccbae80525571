// A connection of librdkafka to the cluster: what its producer and its consumers have in common, above all the bounds
// on every wait, and where its log lines go.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "kafka/options.hpp"
#include "kafka/rd_kafka.hpp"

namespace ratebook::kafka {

/// By librdkafka's names.
using Settings = std::vector<std::pair<const char*, std::string>>;

std::string in_milliseconds(Duration duration);
int milliseconds_left(const Runtime& runtime, BootTime until);

/// What librdkafka calls back.
struct Hooks {
  std::unique_ptr<std::mutex> report_turn = std::make_unique<std::mutex>();
  std::function<void(const Fault&)> report;
  std::string password;  ///< taken out of every line
  std::function<void(const rd_kafka_message_t&)> delivered;
  std::function<void(rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*)> rebalance;
};

class Client {
 public:
  Client() = default;  ///< none yet
  ~Client();           ///< bounded, of a consumer
  Client(Client&&) = default;
  Client& operator=(Client&&) = default;

  /// Connects later, on its own. Failure::refused: a setting is wrong, or a file cannot be read.
  static Result<Client> make(rd_kafka_type_t type, const KafkaOptions& options, const Settings& settings,
                             Hooks hooks = {});

  rd_kafka_t* get() const { return kafka_.get(); }
  rd_kafka_topic_t* topic() const { return topic_.get(); }

  /// Asks who leads the topic's partitions, at most every 50 ms and waiting at most 100 ms: librdkafka alone asks about
  /// once a second, which is the longest part of a change of leaders.
  void ask_for_leaders(const Runtime& runtime, Counters& counters) const;

  /// Ends a consumer without leaving its group; bounded.
  void destroy_at_once();
  /// Leaves it to the end of the process, silent: for where ending it would end the process.
  void forget();

 private:
  std::unique_ptr<Hooks> hooks_;  // outlives what calls it
  std::unique_ptr<std::atomic<BootTime>> asked_ = std::make_unique<std::atomic<BootTime>>();
  rd::Kafka kafka_;
  rd::Topic topic_;
};

inline constexpr Duration leader_wait = std::chrono::milliseconds{100};  ///< then leaders are asked for

}  // namespace ratebook::kafka
