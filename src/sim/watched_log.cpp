#include "sim/watched_log.hpp"

namespace ratebook::sim {

const WatchedLog::Put* WatchedLog::put_at(std::uint32_t partition, Offset offset, const std::string& batch_id) const {
  const auto found = puts_.find({partition, offset, batch_id});
  return found == puts_.end() ? nullptr : &found->second;
}

bool WatchedLog::found_other(std::uint32_t partition, const Put& put) const {
  const Told& told = log_.told(partition);
  return told.is_other || told.others_found != put.others_found;
}

std::optional<BatchHeader> WatchedLog::tried(const std::string& batch_id) const {
  const auto found = tried_.find(batch_id);
  return found == tried_.end() ? std::nullopt : std::optional{found->second};
}

Result<Offset> WatchedLog::append(std::uint32_t partition, const log::RecordSource& records) {
  std::string last;
  const std::uint64_t others_found = log_.told(partition).others_found;
  const auto offset = log_.append(partition, [&]() -> Result<std::optional<std::string>> {
    auto next = records();
    if (next && *next) last = **next;
    return next;
  });
  const auto record = log::decode(last);
  if (!record) return offset;
  if (const auto* chunk = std::get_if<log::ChunkRecord>(&*record)) {
    tried_.emplace(chunk->batch.id, chunk->batch);
    if (!offset) return offset;
    puts_[{partition, *offset, chunk->batch.id}] = {chunk->attempt, others_found};
    attempts_[chunk->batch.id].insert(chunk->attempt);
    newest_[chunk->batch.id] = chunk->attempt;
  } else if (const auto* retraction = std::get_if<log::RetractionRecord>(&*record)) {
    if (offset && broker_.right_record(partition, *offset) == last) retracted_.insert(retraction->batch_id);
  }
  return offset;
}

}  // namespace ratebook::sim
