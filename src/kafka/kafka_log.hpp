// The log on Kafka, for the cluster setting.
//
//   append ─────────▶ Producer ─┐
//   a writer's read ▶ Reader ───┤ a connection each,
//   look-up, trim ──▶ Reader ───┤ with a bound on every wait
//   assignment ─────▶ Group ────┘
#pragma once
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "kafka/client.hpp"
#include "kafka/group.hpp"
#include "kafka/producer.hpp"
#include "kafka/reader.hpp"
#include "kafka/topic.hpp"
#include "log/log.hpp"
#include "log/standing.hpp"

namespace ratebook::kafka {

class KafkaLog final : public log::Log {
 public:
  /// Makes the topic where there is none and the store has read none, and joins the group. `runtime` must outlive it.
  /// Failure::conflict: a topic that is not the store's, or would not keep what is accepted; unavailable: no answer;
  /// refused: a wrong setting.
  static Result<std::unique_ptr<KafkaLog>> open(const KafkaOptions& options, const Runtime& runtime,
                                                const StoreSide& store = {});

  std::uint32_t partition_count() const override { return partition_count_; }
  bool is_part_of_store() const override { return false; }
  log::Standing* standing() override { return &standing_; }
  Result<Offset> append(std::uint32_t partition, const log::RecordSource& records) override;
  /// Who asks for less than look_up_bytes gets one record, from any place at the same price: it disturbs nobody who
  /// reads in sequence.
  Result<std::vector<log::StoredRecord>> read(std::uint32_t partition, Offset from, std::size_t bytes_max,
                                              Duration wait) override;
  Result<Offset> end(std::uint32_t partition) override;
  log::Assignment assignment() override { return group_->assignment(); }
  /// Keeps records younger than log_keep.
  Result<void> trim(std::uint32_t partition, Offset before) override;

  void leave(const std::string& why, log::Leave how) override { group_->leave(why, how); }
  void rejoin() override { group_->rejoin(); }

  const Counters& counters() const { return counters_; }
  /// Records that assigned partitions hold beyond what was read here, as of the last fetch of each.
  std::int64_t behind() const;

  static constexpr std::size_t look_up_bytes = 64 * 1024;

 private:
  friend struct ProducerProbe;  // of the tests
  KafkaLog(KafkaOptions options, const Runtime& runtime, std::uint32_t partition_count);
  Result<std::shared_ptr<Producer>> make_producer();
  Result<std::shared_ptr<Producer>> producer();
  Result<Offset> first_young(std::uint32_t partition, BootTime until) const;

  KafkaOptions options_;
  const Runtime& runtime_;
  std::uint32_t partition_count_;
  Counters counters_;
  log::Standing standing_;
  Client sequences_;
  Client lookups_;
  std::deque<Reader> sequence_readers_;  ///< by partition
  std::deque<Reader> lookup_readers_;
  std::unique_ptr<Group> group_;
  std::mutex producer_mutex_;
  std::shared_ptr<Producer> producer_;
};

}  // namespace ratebook::kafka
