#include "sqlite/sqlite_log.hpp"

#include <fmt/format.h>

namespace ratebook::sqlite {
namespace {

std::uint64_t bytes_of(const std::vector<std::string>& records) {
  std::uint64_t bytes = 0;
  for (const auto& record : records) bytes += record.size();
  return bytes;
}

/// A failed append is either surely not in, or unknown.
Fault append_fault(Fault fault) {
  if (fault.failure != Failure::full && fault.failure != Failure::unknown) fault.failure = Failure::refused;
  return fault;
}

Fault no_partition(std::uint32_t partition) {
  return {Failure::refused, fmt::format("the log has no partition {}", partition)};
}

}  // namespace

Result<std::unique_ptr<SqliteLog>> SqliteLog::open(WriteSide& side, const Runtime& runtime, Meters& meters,
                                                   LogOptions options) {
  std::unique_ptr<SqliteLog> log{new SqliteLog{side, runtime, meters, options}};
  WriteSide::Turn turn{side};
  Query last{turn.db(),
             "SELECT max(position_offset, coalesce((SELECT max(offset) FROM log_record AS r "
             "WHERE r.partition = p.partition), -1)) FROM log_partition AS p ORDER BY partition"};
  while (last.next()) log->next_offsets_.push_back(last.integer(0) + 1);
  return turn.db().result(std::move(log));
}

Result<Offset> SqliteLog::append(std::uint32_t partition, const log::RecordSource& records) {
  if (partition >= partition_count()) return std::unexpected(no_partition(partition));
  if (auto room = side_.check_room(); !room) return std::unexpected(room.error());
  std::vector<std::string> head;
  for (std::size_t bytes = 0; bytes <= options_.small_append_bytes_max;) {
    auto record = next_record(records);
    if (!record) return std::unexpected(append_fault(record.error()));
    if (!*record) {
      if (head.empty()) return fail(Failure::refused, "nothing to append");
      return append_small(partition, head);
    }
    bytes += (*record)->size();
    head.push_back(**std::move(record));
  }
  return append_large(partition, head, records);
}

Result<std::optional<std::string>> SqliteLog::next_record(const log::RecordSource& records) const {
  auto record = records();
  if (record && *record && (*record)->size() > options_.record_bytes_max) {
    return fail(Failure::refused,
                fmt::format("a record of {} bytes is larger than {}", (*record)->size(), options_.record_bytes_max));
  }
  return record;
}

Result<Offset> SqliteLog::append_small(std::uint32_t partition, const std::vector<std::string>& records) {
  Offset last = -1;
  const auto insert_all = [&](WriteSide::Turn& turn) {
    for (const auto& record : records) last = insert(turn, partition, record);
    turn.note_appended(partition);
  };
  const auto durable = side_.join(insert_all, [this] { appended_.notify(); });
  if (!durable) return std::unexpected(append_fault(durable.error()));
  note_appended(records.size(), bytes_of(records));
  return last;
}

Result<Offset> SqliteLog::append_large(std::uint32_t partition, const std::vector<std::string>& head,
                                       const log::RecordSource& tail) {
  WriteSide::Turn turn{side_};
  // What others wait for must not be lost with a batch that does not fit.
  static_cast<void>(turn.commit());
  if (auto begun = turn.begin_alone(); !begun) return std::unexpected(append_fault(begun.error()));
  Offset last = -1;
  std::uint64_t count = head.size();
  std::uint64_t bytes = bytes_of(head);
  for (const auto& record : head) last = insert(turn, partition, record);
  while (!turn.db().failed()) {
    auto record = next_record(tail);
    if (!record) {
      turn.abandon(record.error());
      return std::unexpected(append_fault(record.error()));
    }
    if (!*record) break;
    last = insert(turn, partition, **record);
    ++count;
    bytes += (*record)->size();
  }
  if (auto checked = turn.check(); !checked) return std::unexpected(append_fault(checked.error()));
  if (auto durable = turn.commit(); !durable) return std::unexpected(append_fault(durable.error()));
  appended_.notify();
  note_appended(count, bytes);
  return last;
}

void SqliteLog::note_appended(std::uint64_t records, std::uint64_t bytes) {
  meters_.records_appended += records;
  meters_.bytes_appended += bytes;
}

Offset SqliteLog::insert(WriteSide::Turn& turn, std::uint32_t partition, const std::string& record) {
  const Offset offset = next_offsets_[partition]++;
  turn.db().run("INSERT INTO log_record VALUES (?, ?, ?)", partition, offset, Blob{record});
  return offset;
}

Result<std::vector<log::StoredRecord>> SqliteLog::read(std::uint32_t partition, Offset from, std::size_t bytes_max,
                                                       Duration wait) {
  if (partition >= partition_count()) return std::unexpected(no_partition(partition));
  const BootTime end = runtime_.boot_time() + wait;
  while (true) {
    const std::uint64_t seen = appended_.count();
    auto records = read_now(partition, from, bytes_max);
    if (!records || !records->empty()) return records;
    const BootTime now = runtime_.boot_time();
    if (now >= end) return records;
    appended_.wait_past(seen, end - now);
  }
}

Result<std::vector<log::StoredRecord>> SqliteLog::read_now(std::uint32_t partition, Offset from,
                                                           std::size_t bytes_max) {
  WriteSide::Turn turn{side_};
  turn.take_waiting();
  Query position{turn.db(), "SELECT position_offset FROM log_partition WHERE partition = ?", partition};
  if (position.next() && from >= 0 && from <= position.integer(0)) {
    return fail(Failure::damaged, fmt::format("records of partition {} up to offset {} are deleted: {} was asked for",
                                              partition, position.integer(0), from));
  }
  std::vector<log::StoredRecord> records;
  std::size_t bytes = 0;
  Query rows{turn.db(), "SELECT offset, bytes FROM log_record WHERE partition = ? AND offset >= ? ORDER BY offset",
             partition, from};
  while (rows.next()) {
    const std::string_view record = rows.bytes(1);
    if (!records.empty() && bytes + record.size() > bytes_max) break;
    bytes += record.size();
    records.push_back({rows.integer(0), std::string{record}});
  }
  if (auto checked = turn.check(); !checked) return std::unexpected(checked.error());
  if (!records.empty()) turn.note_read(partition);
  return records;
}

log::Assignment SqliteLog::assignment() {
  log::Assignment all{.generation = 1, .partitions = {}};
  for (std::uint32_t partition = 0; partition < partition_count(); ++partition) all.partitions.push_back(partition);
  return all;
}

Result<void> SqliteLog::trim(std::uint32_t partition, Offset) {
  if (partition >= partition_count()) return std::unexpected(no_partition(partition));
  return {};
}

std::optional<std::string> SqliteLog::refusal() const {
  const auto in_place = side_.check_place();
  return in_place ? std::nullopt : std::optional{in_place.error().message};
}

}  // namespace ratebook::sqlite
