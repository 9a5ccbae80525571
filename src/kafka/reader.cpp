#include "kafka/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace ratebook::kafka {
namespace {

/// So many records are skipped rather than sought past: those of other attempts between the chunks of one.
constexpr Offset skipped_max = 64;

Settings consumer_settings() {
  return {
      {"auto.offset.reset", "error"},  // never silently elsewhere
      {"enable.partition.eof", "true"},        {"allow.auto.create.topics", "false"},
      {"isolation.level", "read_uncommitted"},  // nobody writes transactions
      {"fetch.error.backoff.ms", "20"},         // also the pause after a full queue
      {"fetch.message.max.bytes", "1048588"},   // the broker's limit of a record
  };
}

}  // namespace

/// The right to read, one at a time: a lock whose wait has an end. A writer that reads a chunk again is not passed by
/// clients who look batches up.
class Reader::Turn {
 public:
  explicit Turn(Reader& reader) : reader_(&reader) {}
  Turn(Turn&& other) noexcept : reader_(std::exchange(other.reader_, nullptr)) {}
  Turn& operator=(Turn&&) = delete;
  ~Turn() {
    if (reader_ != nullptr) reader_->turns_.leave();
  }

 private:
  Reader* reader_;
};

Settings sequence_settings(const KafkaOptions& options) {
  Settings settings = consumer_settings();
  // A broker answers one fetch of a client at a time: a partition that is begun waits for the one before.
  settings.emplace_back("fetch.wait.max.ms", "50");
  settings.emplace_back("queued.max.messages.kbytes",
                        fmt::to_string(std::max<std::size_t>(1, options.fetched_bytes_max / 1024)));
  return settings;
}

Settings lookup_settings() {
  Settings settings = consumer_settings();
  settings.emplace_back("fetch.wait.max.ms", "10");
  settings.emplace_back("queued.min.messages", "1");
  return settings;
}

Result<std::vector<log::StoredRecord>> Reader::read(Offset from, std::size_t bytes_max, Duration wait,
                                                    const log::Standing::Reach& known) {
  const auto turn = take_turn(runtime_.boot_time() + 2 * options_.read_time_max);
  if (!turn) return std::unexpected(turn.error());
  if (std::exchange(log_number_, known.number) != known.number) is_lost_ = true;
  auto records = first_record(from, wait, known.end);
  if (!records || records->empty()) return records;
  std::size_t bytes = records->front().bytes.size();
  while (bytes < bytes_max) {
    auto record = next(records->back().offset + 1, Duration{0});
    // A failure is for the next call to meet: what was read is good.
    if (!record || !*record) break;
    bytes += (*record)->bytes.size();
    if (bytes > bytes_max) {
      held_ = *std::move(record);
      break;
    }
    records->push_back(**std::move(record));
  }
  next_ = records->back().offset + 1;
  std::int64_t first = 0;
  std::int64_t end = 0;
  if (rd_kafka_get_watermark_offsets(client_.get(), rd_kafka_topic_name(client_.topic()),
                                     static_cast<std::int32_t>(partition_), &first,
                                     &end) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    behind_ = std::max<std::int64_t>(0, end - next_);
  }
  return records;
}

Result<std::vector<log::StoredRecord>> Reader::first_record(Offset from, Duration wait, Offset surely_in) {
  const BootTime began = runtime_.boot_time();
  const BootTime until = began + std::max(wait, options_.read_time_max);
  while (true) {
    if (!stands_at(from)) {
      const auto ends = stand_at(from, until);
      if (!ends) return std::unexpected(ends.error());
      if (from > ends->end) {
        runtime_.sleep(wait);
        return std::unexpected(ends_before(from, ends->end));
      }
      short_since_.reset();
    }
    if (from < surely_in) is_at_end_ = false;
    if (is_at_end_ && runtime_.boot_time() - heard_at_ >= options_.read_time_max) {
      if (auto heard = ask_at_end(from, until); !heard) return std::unexpected(heard.error());
      if (is_lost_) continue;
    }
    const bool was_at_end = is_at_end_;
    const BootTime stop = was_at_end ? began + wait : until;
    auto record = was_at_end ? next(from, std::max(stop - runtime_.boot_time(), Duration{0})) : next_within(from, stop);
    if (!record) return std::unexpected(record.error());
    if (*record) {
      Records records;
      records.push_back(**std::move(record));
      return records;
    }
    const bool is_over = runtime_.boot_time() >= stop;
    if (was_at_end && is_at_end_ && is_over) return Records{};
    if (!is_at_end_ && runtime_.boot_time() >= until) {
      is_lost_ = true;  // where the log ends now is asked next time
      return std::unexpected(unavailable("timed out"));
    }
  }
}

Result<std::vector<log::StoredRecord>> Reader::look_up(Offset from) {
  const BootTime until = runtime_.boot_time() + options_.read_time_max;  // with the wait for others who look up
  const auto turn = take_turn(until);
  if (!turn) return std::unexpected(turn.error());
  Records records;
  if (stands_at(from)) {
    auto record = next(from, Duration{0});
    if (record && *record) records.push_back(**std::move(record));
  }
  Offset end = std::numeric_limits<Offset>::max();
  while (records.empty()) {
    const auto ends = stand_at(from, until);
    if (!ends) return std::unexpected(ends.error());
    end = ends->end;
    if (from >= end) break;
    auto record = next_within(from, until);
    if (!record) return std::unexpected(record.error());
    if (*record)
      records.push_back(**std::move(record));
    else if (is_at_end_)
      break;  // only holes up to the end
    else if (runtime_.boot_time() >= until)
      return std::unexpected(unavailable("timed out"));
  }
  if (!records.empty()) next_ = records.back().offset + 1;
  // Nobody may come back: what fetches at the end would ask for ever.
  if (records.empty() || next_ >= end) let_go();
  return records;
}

/// Another call may wait for a broker on this partition.
Result<Reader::Turn> Reader::take_turn(BootTime until) {
  if (!turns_.enter(std::max(until - runtime_.boot_time(), Duration{0}))) {
    return std::unexpected(unavailable("others wait for it, too"));
  }
  return Turn{*this};
}

bool Reader::stands_at(Offset from) const {
  return is_started_ && !is_lost_ && from >= next_ && from - next_ <= (is_at_end_ ? 0 : skipped_max);
}

Result<Reader::Ends> Reader::ends(BootTime until) const {
  const auto first = end_at(RD_KAFKA_OFFSET_BEGINNING, until);
  if (!first) return std::unexpected(first.error());
  const auto end = end_at(RD_KAFKA_OFFSET_END, until);
  if (!end) return std::unexpected(end.error());
  return Ends{*first, *end};
}

/// The protocol asks for both ends as for a time. rd_kafka_query_watermark_offsets does not keep to its time limit.
Result<Offset> Reader::end_at(Offset which, BootTime until) const {
  const rd::PartitionList list{rd_kafka_topic_partition_list_new(1)};
  auto* asked = rd_kafka_topic_partition_list_add(list.get(), rd_kafka_topic_name(client_.topic()),
                                                  static_cast<std::int32_t>(partition_));
  asked->offset = which;
  auto error = rd_kafka_offsets_for_times(client_.get(), list.get(), std::max(1, milliseconds_left(runtime_, until)));
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) error = asked->err;
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return std::unexpected(unavailable(rd_kafka_err2str(error)));
  return asked->offset;
}

/// Where the partition begins and ends now; from there on `from` comes next, unless it lies beyond the end.
Result<Reader::Ends> Reader::stand_at(Offset from, BootTime until) {
  const auto partition = static_cast<std::int32_t>(partition_);
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
  if (is_started_) {
    error = rd_kafka_seek(client_.topic(), partition, from, std::max(1, milliseconds_left(runtime_, until)));
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) let_go();  // after a place that was out of range it wants a new beginning
  }
  if (!is_started_) {
    const bool begun = rd_kafka_consume_start(client_.topic(), partition, from) == 0;
    error = begun ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_last_error();
  }
  const bool placed = error == RD_KAFKA_RESP_ERR_NO_ERROR;
  is_started_ = placed;
  is_lost_ = !placed;
  is_at_end_ = false;
  held_.reset();
  next_ = from;
  // What was fetched for the place before counts against the queue until it is taken out.
  if (placed) {
    if (auto early = next(from, Duration{0}); early && *early) held_ = *std::move(early);
  }
  auto found = placed ? ends(until) : std::unexpected(unavailable(rd_kafka_err2str(error)));
  if (found && from >= found->first && from <= found->end) return found;
  let_go();
  if (!found || from > found->end) return found;
  return fail(Failure::damaged, fmt::format("records of partition {} before offset {} are deleted: {} was asked for",
                                            partition_, found->first, from));
}

/// A leader that is out of reach sends as little as one without news: it is asked.
Result<void> Reader::ask_at_end(Offset from, BootTime until) {
  const auto end = end_at(RD_KAFKA_OFFSET_END, until);
  if (!end) {
    is_lost_ = true;
    return std::unexpected(end.error());
  }
  heard_at_ = runtime_.boot_time();
  if (from < *end) is_at_end_ = false;
  if (from > *end) is_lost_ = true;
  return {};
}

/// The next record at or after `from`; none where `until`, the end or the loss of the place comes first. librdkafka's
/// thread that has once found its queue full looks again only when something wakes it, up to a second later: a question
/// to the partition's leader does.
Result<std::optional<log::StoredRecord>> Reader::next_within(Offset from, BootTime until) {
  const BootTime began = runtime_.boot_time();
  Duration slice = std::chrono::milliseconds{2};
  while (true) {
    auto record = next(from, std::clamp(until - runtime_.boot_time(), Duration{0}, slice));
    const BootTime now = runtime_.boot_time();
    if (!record || *record || is_at_end_ || is_lost_ || now >= until) return record;
    static_cast<void>(end_at(RD_KAFKA_OFFSET_END, std::min(until, now + leader_wait)));
    if (now - began >= leader_wait) client_.ask_for_leaders(runtime_, counters_);
    slice = std::min(2 * slice, leader_wait);
  }
}

/// The next record at or after `from`, if it comes within `wait`; none, too, where the end was met or the place is
/// lost.
Result<std::optional<log::StoredRecord>> Reader::next(Offset from, Duration wait) {
  if (auto record = std::exchange(held_, std::nullopt)) {
    if (record->offset >= from) return record;
    next_ = record->offset + 1;
  }
  while (true) {
    const rd::Message message{
        rd_kafka_consume(client_.topic(), static_cast<std::int32_t>(partition_),
                         static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count()))};
    if (!message) return std::nullopt;
    heard_at_ = runtime_.boot_time();
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      is_at_end_ = false;
      if (message->offset < from) {
        next_ = message->offset + 1;
        continue;
      }
      counters_.records_read += 1;
      counters_.bytes_read += message->len;
      return log::StoredRecord{message->offset, {static_cast<const char*>(message->payload), message->len}};
    }
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      is_at_end_ = true;
      return std::nullopt;
    }
    is_lost_ = true;
    is_at_end_ = false;
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) return std::nullopt;  // trimmed, or a leader that lags
    return std::unexpected(unavailable(rd_kafka_message_errstr(message.get())));
  }
}

/// A new leader's end may lag behind what was read for a moment; what it acknowledges then stands behind that all the
/// same.
Fault Reader::ends_before(Offset from, Offset end) {
  const BootTime now = runtime_.boot_time();
  if (!short_since_) short_since_ = now;
  const bool may_pass = now - *short_since_ < options_.read_time_max;
  return {may_pass ? Failure::unavailable : Failure::damaged,
          fmt::format("partition {} of the log ends at {}, before record {}, which was asked for{}", partition_, end,
                      from, may_pass ? "" : ": it is not the log that it was, or has lost records")};
}

void Reader::let_go() {
  if (is_started_) rd_kafka_consume_stop(client_.topic(), static_cast<std::int32_t>(partition_));
  is_started_ = false;
  is_lost_ = true;
}

Fault Reader::unavailable(std::string_view why) const {
  return {Failure::unavailable, fmt::format("partition {} of the log cannot be read now: {}", partition_, why)};
}

}  // namespace ratebook::kafka
