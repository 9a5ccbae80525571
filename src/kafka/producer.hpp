// Appends to the topic: idempotent, acknowledged by all copies in sync, within bounds of memory and time.
//
//   append ──▶ room in the queue? ──▶ window of its own ──▶ librdkafka ──▶ leader ──▶ copies
//      ▲         no: full              bytes that wait              │
//      └──────────────── each record's delivery, told by one thread ◀┘
//
// Where no partition acknowledges anything for answer_time_max, the log is silent, and where one alone acknowledges
// nothing for produce_time_max, that one is: whoever waits for it is in doubt, and one append at a time tries it; the
// others are refused at once, until it acknowledges anything (rule 25).
//
// After a fatal error a producer fails what it has and takes no more: its owner makes another one.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "kafka/client.hpp"
#include "log/log.hpp"
#include "log/standing.hpp"
#include "runtime/breaker.hpp"

namespace ratebook::kafka {

class Producer {
 public:
  /// `standing` is told of each acknowledged record, before its append is.
  static Result<std::shared_ptr<Producer>> make(const KafkaOptions& options, const Runtime& runtime, Counters& counters,
                                                std::uint32_t partition_count, log::Standing& standing);
  /// No append may be under way.
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  /// As log::Log's.
  Result<Offset> append(std::uint32_t partition, const log::RecordSource& records);
  bool is_broken() const;

 private:
  friend struct ProducerProbe;  // of the tests
  struct Append;
  struct Delivery;
  class Reservation;
  Producer(const KafkaOptions& options, const Runtime& runtime, Counters& counters, std::uint32_t partition_count,
           log::Standing& standing);

  bool is_in_another_log(std::uint32_t partition, Offset offset, Offset reach);
  void take_delivery(const rd_kafka_message_t& message);
  Result<void> send_all(const std::shared_ptr<Append>& append, std::vector<std::string> head,
                        const log::RecordSource& tail);
  Result<void> send(const std::shared_ptr<Append>& append, std::string bytes);
  Result<void> wait_for(Append& append, const std::function<bool()>& enough);
  BootTime latest_answer(const Append& append) const;
  Result<Offset> outcome(Append& append, const Result<void>& sent);

  const KafkaOptions& options_;
  const Runtime& runtime_;
  Counters& counters_;
  log::Standing& standing_;
  mutable std::mutex mutex_;      ///< guards all appends' state and what is reserved
  std::size_t reserved_ = 0;      ///< bytes, of the queue's bound
  BootTime heard_{};              ///< when any partition last acknowledged anything; guarded by mutex_
  std::deque<Breaker> breakers_;  ///< by partition
  Client client_;
  std::jthread poller_;
};

}  // namespace ratebook::kafka
