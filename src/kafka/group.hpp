// Which partitions are this node's to write: a member of a consumer group that fetches nothing.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "kafka/client.hpp"
#include "log/log.hpp"

namespace ratebook::kafka {

class Group {
 public:
  static Result<std::unique_ptr<Group>> join(const KafkaOptions& options, const Runtime& runtime, Counters& counters);
  /// Leaves, so that others need not wait for the end of the session; bounded.
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  log::Assignment assignment() const;
  /// As log::Log's.
  void leave(const std::string& why, log::Leave how);
  void rejoin();

 private:
  Group(const KafkaOptions& options, const Runtime& runtime, Counters& counters)
      : options_(options), runtime_(runtime), counters_(counters) {}
  enum class Membership { member, away, gone };

  void serve(const std::stop_token& stop);
  rd_kafka_resp_err_t subscribe();
  void serve_once();
  void rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions);
  void change(const rd_kafka_topic_partition_list_t& partitions, bool assigned);

  const KafkaOptions& options_;
  const Runtime& runtime_;
  Counters& counters_;
  mutable std::mutex mutex_;
  log::Assignment assignment_;
  std::atomic<Membership> wanted_ = Membership::member;
  bool was_assigned_ = false;  ///< since it joined, even if nothing; known to who serves
  Client client_;
  std::jthread server_;
};

}  // namespace ratebook::kafka
