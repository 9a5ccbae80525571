#include "writer/tracker.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/packed_chunk.hpp"

namespace ratebook::writer {
namespace {

constexpr std::size_t closed_kept_max = 10'000;

}  // namespace

Tracker::Tracker(TrackerOptions options, FirstSeen& first_seen)
    : options_(std::move(options)), first_seen_(first_seen), last_taken_(options_.begin) {}

Result<void> Tracker::take(const log::StoredRecord& record, BootTime now) {
  auto decoded = log::decode(record.bytes);
  if (!decoded) {
    if (decoded.error().failure == Failure::unavailable) return std::unexpected(decoded.error());
    bad_records.push_back({record.offset, record.bytes, decoded.error().message});
  } else if (auto* chunk = std::get_if<log::ChunkRecord>(&*decoded)) {
    take_chunk(record, std::move(*chunk), now);
  } else if (const auto* given_up = std::get_if<log::AbandonRecord>(&*decoded)) {
    if (!closed_.contains(given_up->attempt)) make_void(given_up->attempt);
  } else {
    const auto& retraction = std::get<log::RetractionRecord>(*decoded);
    needed_.emplace(record.offset, last_taken_);
    wait_for_decision({.first = record.offset,
                       .last = record.offset,
                       .source = retraction.source,
                       .retracted_id = retraction.batch_id});
  }
  last_taken_ = {record.offset, options_.has_digests ? sha256(record.bytes) : Digest{}};
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
    Open open{.seen = first_seen_.see(chunk.attempt, now), .first = record.offset, .header = chunk.batch};
    found = open_.emplace(chunk.attempt, std::move(open)).first;
    needed_.emplace(record.offset, last_taken_);
  }
  Open& open = found->second;
  if (chunk.number < open.chunks.size()) return;  // delivered twice
  if (chunk.number > open.chunks.size() || chunk.batch != open.header) {
    make_void(chunk.attempt);
    return;
  }
  open.prices += prices->items.size();
  open.chunks.push_back(hold(record, open.header.source, std::move(*prices)));
  if (!chunk.last) return;
  if (open.prices != open.header.price_count) {
    // No node appends this. The store would refuse it for ever, and with it all that stands behind it.
    bad_records.push_back(
        {record.offset, record.bytes,
         fmt::format("the attempt's chunks hold {} prices, its header says {}", open.prices, open.header.price_count)});
    make_void(chunk.attempt);
    return;
  }
  wait_for_decision({.first = open.first,
                     .last = record.offset,
                     .source = chunk.batch.source,
                     .header = std::move(open.header),
                     .attempt = chunk.attempt,
                     .chunks = std::move(open.chunks)});
  open_.erase(found);
  first_seen_.forget(chunk.attempt);
  closed_.insert(chunk.attempt);
}

// A source may hold three times what is then still free (Choudhury and Hahne's dynamic threshold, 1998): whoever floods
// leaves room for the others, whose chunks would else have to be read again.
ChunkPlace Tracker::hold(const log::StoredRecord& record, const std::string& source, Chunk&& prices) {
  ChunkPlace place{.offset = record.offset, .bytes = record.bytes.size()};
  const std::size_t all = held_bytes_ + place.bytes;
  if (all <= options_.held_bytes_max) {
    std::size_t& its = held_bytes_of_[source];
    if (its + place.bytes <= 3 * (options_.held_bytes_max - all)) {
      held_bytes_ = all;
      its += place.bytes;
      place.held = std::move(prices);
    }
    if (its == 0) held_bytes_of_.erase(source);
  }
  if (!place.held && options_.has_digests) place.digest = sha256(record.bytes);
  return place;
}

void Tracker::wait_for_decision(Pending&& pending) {
  Queue& queue = pending_[pending.source];
  queue.push_back(std::move(pending));
  if (queue.size() == 1) by_front_.insert(&queue);
  ++pending_count_;
}

void Tracker::make_void(const std::string& attempt) {
  if (const auto found = open_.find(attempt); found != open_.end()) {
    for (auto& chunk : found->second.chunks) release(found->second.header.source, chunk);
    needed_.erase(found->second.first);
    open_.erase(found);
  }
  swept.push_back(attempt);
  close(attempt);
}

void Tracker::close(const std::string& attempt) {
  first_seen_.forget(attempt);
  closed_.insert(attempt);
  closed_order_.push_back(attempt);
  if (closed_order_.size() > closed_kept_max) {
    closed_.erase(closed_order_.front());
    closed_order_.pop_front();
  }
}

std::vector<std::string> Tracker::overdue(BootTime seen, BootTime before, BootTime now) {
  std::vector<std::string> attempts;
  for (auto& [attempt, open] : open_) {
    if (open.seen > seen || open.given_out > before) continue;
    open.given_out = now;
    attempts.push_back(attempt);
  }
  std::ranges::sort(attempts);  // an order that replays
  return attempts;
}

void Tracker::decided(const std::string& source) {
  const auto found = pending_.find(source);
  Queue& queue = found->second;
  by_front_.erase(&queue);
  Pending& front = queue.front();
  for (auto& chunk : front.chunks) release(source, chunk);
  needed_.erase(front.first);
  if (!front.attempt.empty()) close(front.attempt);
  queue.pop_front();
  --pending_count_;
  if (queue.empty()) {
    pending_.erase(found);
  } else {
    by_front_.insert(&queue);
  }
}

void Tracker::release(const std::string& source, ChunkPlace& chunk) {
  if (!chunk.held) return;
  chunk.held.reset();
  if (chunk.bytes == 0) return;
  held_bytes_ -= chunk.bytes;
  const auto its = held_bytes_of_.find(source);
  its->second -= chunk.bytes;
  if (its->second == 0) held_bytes_of_.erase(its);
}

Position Tracker::position_after(std::span<const Pending* const> decided) const {
  std::vector<Offset> firsts;
  firsts.reserve(decided.size());
  for (const Pending* pending : decided) firsts.push_back(pending->first);
  std::ranges::sort(firsts);
  auto skipped = firsts.begin();
  for (const auto& [first, before] : needed_) {
    if (skipped == firsts.end() || *skipped != first) return before;
    ++skipped;
  }
  return last_taken_;
}

Pending* Line::next() {
  if (last_.queue != nullptr && ++last_.index < last_.queue->size()) met_.push(last_);
  last_ = {};
  const bool has_front = front_ != tracker_.by_front_.end();
  if (!has_front && met_.empty()) return nullptr;
  const bool is_new =
      has_front && (met_.empty() || tracker_.options_.goes_before((*front_)->front(), met_.top().pending()));
  if (is_new) {
    last_.queue = *front_++;
  } else {
    last_ = met_.top();
    met_.pop();
  }
  return &last_.pending();
}

}  // namespace ratebook::writer
