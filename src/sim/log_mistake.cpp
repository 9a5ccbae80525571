#include "sim/log_mistake.hpp"

#include <fmt/format.h>

#include "log/record.hpp"
#include "model/packed_chunk.hpp"

namespace ratebook::sim {

void LogMistake::begin(const Database& store, Duration time) {
  const auto kind = scheduler_.random().below(3);
  for (std::uint32_t i = 0; i < store.partition_count(); ++i) {
    const Offset position = store.position(i).offset;
    if (position < 0) continue;
    is_on_ = true;
    if (kind == 0) broker_.put_aside(i, {});
    if (kind == 1) broker_.put_aside(i, foreign_log(i));
    if (kind == 2) broker_.put_aside(i, older_copy(i, position));
  }
  if (!is_on_) return;
  scheduler_.at(scheduler_.now() + time, [this, mistake = ++count_] {
    if (mistake == count_) end();
  });
}

void LogMistake::end() {
  if (std::exchange(is_on_, false)) broker_.bring_back();
}

/// It ends before the position, or nobody could know it.
std::vector<log::StoredRecord> LogMistake::older_copy(std::uint32_t partition, Offset position) const {
  const auto cut = static_cast<Offset>(scheduler_.random().below(static_cast<std::uint64_t>(position) + 1));
  std::vector<log::StoredRecord> records;
  for (const auto& [offset, bytes] : broker_.right_records(partition)) {
    if (offset < cut) records.push_back({offset, bytes});
  }
  return records;
}

/// Batches that nobody sent here, as far as the nodes' log or further.
std::vector<log::StoredRecord> LogMistake::foreign_log(std::uint32_t partition) {
  Random& random = scheduler_.random();
  const auto count = random.below(static_cast<std::uint64_t>(broker_.end(partition)) + 10);
  std::vector<log::StoredRecord> records;
  for (std::uint64_t i = 0; i < count; ++i) {
    log::ChunkRecord chunk{
        .batch = {.source = "foreign", .key = fmt::format("{:016x}", random.next()), .price_count = 1}};
    chunk.batch.id = batch_id(chunk.batch.source, chunk.batch.key, chunk.batch.digest);
    chunk.attempt = fmt::format("{:032x}", random.next());
    chunk.last = true;
    pack_chunk({{PortCode::parse("CNSGH").value(), PortCode::parse("NLRTM").value()}, {{0, 1, Day{3}, Cents{7}}}},
               chunk.prices);
    records.push_back({static_cast<Offset>(i), log::encode(chunk)});
  }
  return records;
}

}  // namespace ratebook::sim
