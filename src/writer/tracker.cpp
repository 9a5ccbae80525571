#include "writer/tracker.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/packed_chunk.hpp"

namespace ratebook::writer {
namespace {

constexpr std::size_t closed_kept_max = 10'000;

}  // namespace

Result<void> Tracker::take(const log::StoredRecord& record, BootTime now) {
  auto decoded = log::decode(record.bytes);
  if (!decoded) {
    if (decoded.error().failure == Failure::unavailable) return std::unexpected(decoded.error());
    bad_records.push_back({record.offset, record.bytes, decoded.error().message});
    return {};
  }
  if (auto* chunk = std::get_if<log::ChunkRecord>(&*decoded)) {
    take_chunk(record, std::move(*chunk), now);
  } else if (const auto* given_up = std::get_if<log::AbandonRecord>(&*decoded)) {
    if (!closed_.contains(given_up->attempt)) make_void(given_up->attempt);
  } else {
    const auto& retraction = std::get<log::RetractionRecord>(*decoded);
    pending_[retraction.source].push_back({.first = record.offset,
                                           .last = record.offset,
                                           .source = retraction.source,
                                           .retracted_id = retraction.batch_id});
  }
  return {};
}

void Tracker::take_chunk(const log::StoredRecord& record, log::ChunkRecord&& chunk, BootTime now) {
  if (closed_.contains(chunk.attempt)) return;
  auto prices = unpack_chunk(chunk.prices);
  if (!prices) {
    bad_records.push_back({record.offset, record.bytes, prices.error().message});
    make_void(chunk.attempt);
    return;
  }
  auto found = open_.find(chunk.attempt);
  if (found == open_.end()) {
    if (chunk.number != 0) {
      make_void(chunk.attempt);  // its beginning lies before an abandon record that is behind the position
      return;
    }
    found = open_.emplace(chunk.attempt, Open{now, record.offset, chunk.batch, 0, {}}).first;
    open_firsts_.insert(record.offset);
  }
  Open& open = found->second;
  if (chunk.number < open.chunks.size()) return;  // delivered twice
  if (chunk.number > open.chunks.size() || chunk.batch != open.header) {
    make_void(chunk.attempt);
    return;
  }
  open.prices += prices->items.size();
  ChunkPlace place{record.offset, record.bytes.size(), std::nullopt};
  if (held_bytes_ + place.bytes <= held_bytes_max_) {
    held_bytes_ += place.bytes;
    place.held = std::move(*prices);
  }
  open.chunks.push_back(std::move(place));
  if (!chunk.last) return;
  if (open.prices != open.header.price_count) {
    // No node appends this. The store would refuse it for ever, and with it all that stands behind it.
    bad_records.push_back(
        {record.offset, record.bytes,
         fmt::format("the attempt's chunks hold {} prices, its header says {}", open.prices, open.header.price_count)});
    make_void(chunk.attempt);
    return;
  }
  pending_[chunk.batch.source].push_back({.first = open.first,
                                          .last = record.offset,
                                          .source = chunk.batch.source,
                                          .header = std::move(open.header),
                                          .attempt = chunk.attempt,
                                          .chunks = std::move(open.chunks)});
  open_firsts_.erase(open.first);
  open_.erase(found);
  close(chunk.attempt);
}

void Tracker::make_void(const std::string& attempt) {
  if (const auto found = open_.find(attempt); found != open_.end()) {
    for (auto& chunk : found->second.chunks) release(chunk);
    open_firsts_.erase(found->second.first);
    open_.erase(found);
  }
  swept.push_back(attempt);
  close(attempt);
}

void Tracker::close(const std::string& attempt) {
  closed_.insert(attempt);
  closed_order_.push_back(attempt);
  if (closed_order_.size() > closed_kept_max) {
    closed_.erase(closed_order_.front());
    closed_order_.pop_front();
  }
}

std::vector<std::string> Tracker::open_since(BootTime seen) const {
  std::vector<std::string> attempts;
  for (const auto& [attempt, open] : open_) {
    if (open.seen <= seen) attempts.push_back(attempt);
  }
  std::ranges::sort(attempts);  // an order that replays
  return attempts;
}

void Tracker::decided(const std::string& source) {
  auto& queue = pending_.at(source);
  for (auto& chunk : queue.front().chunks) release(chunk);
  queue.pop_front();
  if (queue.empty()) pending_.erase(source);
}

void Tracker::release(ChunkPlace& chunk) {
  if (!chunk.held) return;
  held_bytes_ -= chunk.bytes;
  chunk.held.reset();
}

Offset Tracker::first_needed(const std::map<std::string, std::size_t>& skipped, Offset end) const {
  Offset first = open_firsts_.empty() ? end : std::min(end, *open_firsts_.begin());
  for (const auto& [source, queue] : pending_) {
    const auto found = skipped.find(source);
    // A queue is ordered by `last`; a later one's first record may lie before an earlier one's.
    for (std::size_t i = found == skipped.end() ? 0 : found->second; i < queue.size(); ++i) {
      first = std::min(first, queue[i].first);
    }
  }
  return first;
}

}  // namespace ratebook::writer
