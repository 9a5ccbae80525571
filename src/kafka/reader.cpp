#include "kafka/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
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
                                                    Offset surely_in) {
  const auto turn = take_turn();
  if (!turn) return std::unexpected(turn.error());
  auto records = first_record(from, wait, surely_in);
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
        return Records{};
      }
    }
    const BootTime now = runtime_.boot_time();
    const bool may_be_end = is_at_end_ && from >= surely_in;
    const BootTime stop = may_be_end ? began + wait : until;
    auto record = next(from, std::clamp(stop - now, Duration{0}, leader_wait));
    if (!record) return std::unexpected(record.error());
    if (*record) {
      Records records;
      records.push_back(**std::move(record));
      return records;
    }
    if (runtime_.boot_time() < stop) {
      if (!is_at_end_ && now - began >= leader_wait) client_.ask_for_leaders(runtime_, counters_);
      continue;
    }
    if (is_at_end_ && from >= surely_in) return Records{};
    if (runtime_.boot_time() >= until) return std::unexpected(unavailable("timed out"));
  }
}

Result<std::vector<log::StoredRecord>> Reader::look_up(Offset from) {
  const auto turn = take_turn();
  if (!turn) return std::unexpected(turn.error());
  const BootTime began = runtime_.boot_time();
  const BootTime until = began + options_.read_time_max;
  Records records;
  if (stands_at(from)) {
    auto record = next(from, Duration{0});
    if (record && *record) records.push_back(**std::move(record));
  }
  Offset end = 0;
  while (records.empty()) {
    if (runtime_.boot_time() >= until) return std::unexpected(unavailable("timed out"));
    const auto ends = stand_at(from, until);
    if (!ends) return std::unexpected(ends.error());
    if (from >= ends->end) break;
    end = ends->end;
    while (!is_lost_ && !is_at_end_ && records.empty()) {
      const BootTime now = runtime_.boot_time();
      if (now >= until) return std::unexpected(unavailable("timed out"));
      auto record = next(from, std::min(until - now, leader_wait));
      if (!record) return std::unexpected(record.error());
      if (*record)
        records.push_back(**std::move(record));
      else if (runtime_.boot_time() - began >= leader_wait)
        client_.ask_for_leaders(runtime_, counters_);
    }
    if (is_at_end_) break;  // only holes up to the end
  }
  if (!records.empty()) next_ = records.back().offset + 1;
  // Nobody may come back: what fetches at the end would ask for ever.
  if (records.empty() || next_ >= end) let_go();
  return records;
}

/// Another call may wait for a broker on this partition.
Result<std::unique_lock<std::timed_mutex>> Reader::take_turn() {
  std::unique_lock lock{turn_, 2 * options_.read_time_max};
  if (!lock.owns_lock()) return std::unexpected(unavailable("others wait for it, too"));
  return lock;
}

bool Reader::stands_at(Offset from) const {
  return is_started_ && !is_lost_ && from >= next_ && from - next_ <= (is_at_end_ ? 0 : skipped_max);
}

Result<Reader::Ends> Reader::ends(BootTime until) const {
  Ends ends;
  const auto error = rd_kafka_query_watermark_offsets(client_.get(), rd_kafka_topic_name(client_.topic()),
                                                      static_cast<std::int32_t>(partition_), &ends.first, &ends.end,
                                                      std::max(1, milliseconds_left(runtime_, until)));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return std::unexpected(unavailable(rd_kafka_err2str(error)));
  return ends;
}

/// Where the partition begins and ends now; from there on `from` comes next, unless it lies beyond the end.
Result<Reader::Ends> Reader::stand_at(Offset from, BootTime until) {
  const auto found = ends(until);
  if (!found) return found;
  if (from < found->first) {
    return fail(Failure::damaged, fmt::format("records of partition {} before offset {} are deleted: {} was asked for",
                                              partition_, found->first, from));
  }
  if (from > found->end) return found;
  const auto partition = static_cast<std::int32_t>(partition_);
  const bool placed = is_started_
                          ? rd_kafka_seek(client_.topic(), partition, from,
                                          std::max(1, milliseconds_left(runtime_, until))) == RD_KAFKA_RESP_ERR_NO_ERROR
                          : rd_kafka_consume_start(client_.topic(), partition, from) == 0;
  if (!placed) {
    let_go();
    return std::unexpected(unavailable("its reading cannot be begun"));
  }
  is_started_ = true;
  is_lost_ = false;
  is_at_end_ = false;
  held_.reset();
  next_ = from;
  return found;
}

/// The next record at or after `from`, if it comes within `wait`; none, too, where the end was met or the place is
/// lost.
Result<std::optional<log::StoredRecord>> Reader::next(Offset from, Duration wait) {
  if (auto record = std::exchange(held_, std::nullopt); record && record->offset >= from) return record;
  while (true) {
    const rd::Message message{
        rd_kafka_consume(client_.topic(), static_cast<std::int32_t>(partition_),
                         static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count()))};
    if (!message) return std::nullopt;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      is_at_end_ = false;
      if (message->offset < from) continue;
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

void Reader::let_go() {
  if (is_started_) rd_kafka_consume_stop(client_.topic(), static_cast<std::int32_t>(partition_));
  is_started_ = false;
  is_lost_ = true;
}

Fault Reader::unavailable(std::string_view why) const {
  return {Failure::unavailable, fmt::format("partition {} of the log cannot be read now: {}", partition_, why)};
}

}  // namespace ratebook::kafka
