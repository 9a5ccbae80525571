#include "kafka/kafka_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace ratebook::kafka {
namespace {

Fault no_such_partition(std::uint32_t partition) {
  return {Failure::refused, fmt::format("the log has no partition {}", partition)};
}

rd::PartitionList one_partition(const KafkaOptions& options, std::uint32_t partition, std::int64_t offset) {
  rd::PartitionList list{rd_kafka_topic_partition_list_new(1)};
  rd_kafka_topic_partition_list_add(list.get(), options.topic.c_str(), static_cast<std::int32_t>(partition))->offset =
      offset;
  return list;
}

}  // namespace

KafkaLog::KafkaLog(KafkaOptions options, const Runtime& runtime, std::uint32_t partition_count)
    : options_(std::move(options)),
      runtime_(runtime),
      partition_count_(partition_count),
      standing_(runtime, partition_count) {}

Result<std::unique_ptr<KafkaLog>> KafkaLog::open(const KafkaOptions& options, const Runtime& runtime,
                                                 const StoreSide& store) {
  const auto partitions = prepare_topic(options, runtime, store);
  if (!partitions) return std::unexpected(partitions.error());
  std::unique_ptr<KafkaLog> log{new KafkaLog{options, runtime, *partitions}};
  auto sequences = Client::make(RD_KAFKA_CONSUMER, log->options_, sequence_settings(options));
  if (!sequences) return std::unexpected(sequences.error());
  log->sequences_ = *std::move(sequences);
  auto lookups = Client::make(RD_KAFKA_CONSUMER, log->options_, lookup_settings());
  if (!lookups) return std::unexpected(lookups.error());
  log->lookups_ = *std::move(lookups);
  for (std::uint32_t i = 0; i < *partitions; ++i) {
    log->sequence_readers_.emplace_back(log->sequences_, i, log->options_, runtime, log->counters_);
    log->lookup_readers_.emplace_back(log->lookups_, i, log->options_, runtime, log->counters_);
  }
  auto producer = log->make_producer();
  if (!producer) return std::unexpected(producer.error());
  log->producer_ = *std::move(producer);
  auto group = Group::join(log->options_, runtime, log->counters_);
  if (!group) return std::unexpected(group.error());
  log->group_ = *std::move(group);
  return log;
}

Result<std::shared_ptr<Producer>> KafkaLog::make_producer() {
  return Producer::make(options_, runtime_, counters_, partition_count_, standing_);
}

Result<std::shared_ptr<Producer>> KafkaLog::producer() {
  std::shared_ptr<Producer> broken;  // ends outside of the lock, when its last append has
  const std::scoped_lock lock{producer_mutex_};
  if (!producer_->is_broken()) return producer_;
  auto fresh = make_producer();
  if (!fresh) return fresh;
  ++counters_.producers_replaced;
  options_.report(
      {Failure::unknown, "the log's producer failed for good, and its appends with it; another takes over"});
  broken = std::exchange(producer_, *fresh);
  return fresh;
}

Result<Offset> KafkaLog::append(std::uint32_t partition, const log::RecordSource& records) {
  if (partition >= partition_count_) return std::unexpected(no_such_partition(partition));
  const auto its = producer();
  if (!its) return std::unexpected(its.error());
  return (*its)->append(partition, records);
}

Result<std::vector<log::StoredRecord>> KafkaLog::read(std::uint32_t partition, Offset from, std::size_t bytes_max,
                                                      Duration wait) {
  if (partition >= partition_count_) return std::unexpected(no_such_partition(partition));
  if (bytes_max < look_up_bytes && wait == Duration{0}) return lookup_readers_[partition].look_up(from);
  const auto before = standing_.reach(partition);
  auto records = sequence_readers_[partition].read(from, bytes_max, wait, before);
  if (records && !records->empty()) standing_.reaches(partition, records->back().offset + 1, before);
  return records;
}

Result<Offset> KafkaLog::end(std::uint32_t partition) {
  if (partition >= partition_count_) return std::unexpected(no_such_partition(partition));
  const auto before = standing_.reach(partition);
  const auto end = lookup_readers_[partition].end();
  if (end) standing_.reaches(partition, *end, before);
  return end;
}

Result<void> KafkaLog::trim(std::uint32_t partition, Offset before) {
  if (partition >= partition_count_) return std::unexpected(no_such_partition(partition));
  const BootTime until = runtime_.boot_time() + options_.request_time_max;
  if (options_.log_keep > Duration{0}) {
    const auto young = first_young(partition, until);
    if (!young) return std::unexpected(young.error());
    // With the one before them: the position that a backup of that age has may name it.
    before = std::min(before, *young - 1);
  }
  if (before <= 0) return {};
  const rd::DeleteRecords deleted{rd_kafka_DeleteRecords_new(one_partition(options_, partition, before).get())};
  const rd::AdminOptions how{rd_kafka_AdminOptions_new(lookups_.get(), RD_KAFKA_ADMIN_OP_DELETERECORDS)};
  std::array<char, 128> unused{};
  rd_kafka_AdminOptions_set_request_timeout(how.get(), std::max(1, milliseconds_left(runtime_, until)), unused.data(),
                                            unused.size());
  const rd::Queue answers{rd_kafka_queue_new(lookups_.get())};
  std::array calls{deleted.get()};
  rd_kafka_DeleteRecords(lookups_.get(), calls.data(), calls.size(), how.get(), answers.get());
  const rd::Event answer{rd_kafka_queue_poll(answers.get(), milliseconds_left(runtime_, until))};
  auto error = answer ? rd_kafka_event_error(answer.get()) : RD_KAFKA_RESP_ERR__TIMED_OUT;
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    error = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(answer.get()))->elems[0].err;
  }
  // It stands behind that already.
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) return {};
  return fail(Failure::unavailable,
              fmt::format("partition {} of the log cannot be trimmed now: {}", partition, rd_kafka_err2str(error)));
}

/// The first record younger than log_keep, by the clocks of the nodes that appended: a margin, which decides nothing.
Result<Offset> KafkaLog::first_young(std::uint32_t partition, BootTime until) const {
  const auto keep = std::chrono::duration_cast<std::chrono::milliseconds>(options_.log_keep).count();
  const rd::PartitionList list =
      one_partition(options_, partition, std::max<std::int64_t>(0, runtime_.wall_time() - keep));
  auto error = rd_kafka_offsets_for_times(lookups_.get(), list.get(), std::max(1, milliseconds_left(runtime_, until)));
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) error = list->elems[0].err;
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return fail(Failure::unavailable,
                fmt::format("partition {} of the log cannot be trimmed now: {}", partition, rd_kafka_err2str(error)));
  }
  const Offset young = list->elems[0].offset;
  return young >= 0 ? young : std::numeric_limits<Offset>::max();  // none is
}

std::int64_t KafkaLog::behind() const {
  std::int64_t records = 0;
  for (const auto partition : group_->assignment().partitions) {
    // Partitions that someone has added to the topic are no part of this log: open() refuses them.
    if (partition < sequence_readers_.size()) records += sequence_readers_[partition].behind();
  }
  return records;
}

}  // namespace ratebook::kafka
