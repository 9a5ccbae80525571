// What the log on Kafka can be told, and what it counts.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "log/attempt.hpp"
#include "model/error.hpp"
#include "runtime/runtime.hpp"

namespace ratebook::kafka {

struct Security {
  std::string protocol = "plaintext";    ///< plaintext, ssl, sasl_plaintext or sasl_ssl
  std::string ca_file;                   ///< PEM of who signs the brokers' certificates; empty: the system's
  std::string certificate_file;          ///< PEM of this node's certificate; empty: none
  std::string key_file;                  ///< PEM of its key
  std::string sasl_mechanism = "PLAIN";  ///< readable by who listens, but over sasl_ssl
  std::string sasl_user;
  std::string sasl_password_file;  ///< its first line is the password, which no log line shows
};

struct KafkaOptions {
  std::string brokers;  ///< HOST:PORT,… of some brokers; they name the others
  std::string topic = "ratebook";
  std::uint32_t partitions = 12;   ///< of a topic that is made here, where the store does not say
  int replication = 3;             ///< copies of each partition; of more than one, two must be in sync
  std::string group = "ratebook";  ///< its members share the partitions' writers
  Security security;

  Duration connect_time_max = std::chrono::seconds{3};  ///< for one connection to one broker
  Duration open_time_max = std::chrono::seconds{10};    ///< to reach the cluster and make or check the topic
  Duration request_time_max = std::chrono::seconds{5};  ///< a broker that is silent for longer is left
  Duration produce_time_max = std::chrono::seconds{8};  ///< for one record, over changes of its leader
  /// Who appends waits no longer for a partition that acknowledges nothing, and others are refused at once meanwhile.
  Duration answer_time_max = std::chrono::seconds{2};
  Duration append_time_max = log::attempt_time_max;     ///< for all records of one append: later ones would not count
  Duration read_time_max = std::chrono::seconds{5};     ///< for a record that is known to be there
  Duration close_time_max = std::chrono::seconds{3};    ///< to leave the group, so that others need not wait for:
  Duration session_time_max = std::chrono::seconds{6};  ///< silence after which a member's partitions go to others
  Duration log_keep = std::chrono::hours{24};           ///< records so young stay when trimmed, for a store restored

  std::size_t queue_bytes_max = 64u << 20;  ///< waiting to be acknowledged, of all appends; more are refused
  /// Of that, one append: small ones to the same broker wait behind it.
  std::size_t append_bytes_max = 2u << 20;
  /// Of what a record of a large append took, for which the append then rests, so that others come in between; for a
  /// quarter of append_time_max, so that all records of a slow one are still in in time.
  std::size_t append_rest_percent = 100;
  std::size_t fetched_bytes_max = 4u << 20;  ///< read ahead, a partition

  /// Told of what is tried again, by any thread; must be quick.
  std::function<void(const Fault&)> report = [](const Fault&) {};
};

/// Read by anyone at any time.
struct Counters {
  std::atomic<std::uint64_t> records_appended = 0;
  std::atomic<std::uint64_t> bytes_appended = 0;
  std::atomic<std::uint64_t> appends_refused = 0;  ///< surely not in, full ones among them
  std::atomic<std::uint64_t> appends_full = 0;
  std::atomic<std::uint64_t> appends_unknown = 0;
  std::atomic<std::uint64_t> deliveries = 0;  ///< answers to records, good or bad
  std::atomic<std::uint64_t> delivery_nanoseconds = 0;
  std::atomic<std::uint64_t> queued_records = 0;  ///< now
  std::atomic<std::uint64_t> queued_bytes = 0;    ///< now
  std::atomic<std::uint64_t> producers_replaced = 0;
  std::atomic<std::uint64_t> records_read = 0;
  std::atomic<std::uint64_t> bytes_read = 0;
  std::atomic<std::uint64_t> leaders_asked = 0;  ///< metadata asked for because something took long
  std::atomic<std::uint64_t> rebalances = 0;     ///< that changed what is assigned here
  std::atomic<std::uint64_t> partitions_assigned = 0;
};

}  // namespace ratebook::kafka
