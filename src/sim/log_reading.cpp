#include "sim/log_reading.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/packed_chunk.hpp"

namespace ratebook::sim {

void LogReading::take(std::uint32_t partition, Offset offset, const std::string& bytes) {
  auto record = log::decode(bytes);
  if (!record) {
    bad_records_.emplace(partition, offset);
    return;
  }
  if (auto* chunk = std::get_if<log::ChunkRecord>(&*record)) {
    take_chunk(std::move(*chunk), {partition, offset});
  } else if (const auto* abandon = std::get_if<log::AbandonRecord>(&*record)) {
    Attempt& attempt = attempts_[abandon->attempt];
    if (attempt.state == Attempt::State::open) attempt.state = Attempt::State::abandoned;
  } else {
    const auto& retraction = std::get<log::RetractionRecord>(*record);
    add(retraction.source, partition, {.id = retraction.batch_id, .at = offset});
  }
}

void LogReading::take_chunk(log::ChunkRecord&& chunk, std::pair<std::uint32_t, Offset> at) {
  Attempt& attempt = attempts_[chunk.attempt];
  if (attempt.state != Attempt::State::open) return;
  const auto content = unpack_chunk(chunk.prices);
  if (!content) {
    bad_records_.emplace(at);
    attempt.state = Attempt::State::abandoned;
    return;
  }
  if (chunk.number != attempt.chunk_count) {
    attempt.state = Attempt::State::abandoned;
    return;
  }
  ++attempt.chunk_count;
  for (const auto& item : content->items) {
    attempt.prices.push_back({content->ports[item.orig], content->ports[item.dest], item.day, item.amount});
  }
  if (!chunk.last) return;
  attempt.state = Attempt::State::complete;
  const BatchHeader& header = chunk.batch;
  add(header.source, at.first, {header.id, chunk.attempt, header.key, header.replaces, at.second, attempt.chunk_count});
}

void LogReading::add(const std::string& source, std::uint32_t partition, Item item) {
  since_backup_.emplace_back(source, item);
  Source& its = sources_[source];
  its.partition = partition;
  its.items.push_back(std::move(item));
  skip_nothings(its);
}

void LogReading::skip_nothings(Source& source) {
  while (!source.items.empty() && is_nothing(outcome(source, source.items.front()))) source.items.pop_front();
}

void LogReading::back_up() {
  backed_up_ = sources_;
  since_backup_.clear();
}

void LogReading::restore() {
  std::map<std::string, Source> before = std::exchange(sources_, backed_up_);
  for (auto& [name, item] : std::exchange(since_backup_, {})) {
    item.passed_over = 0;
    add(name, before[name].partition, std::move(item));
  }
}

std::string LogReading::passed_over(std::uint32_t partition, std::uint32_t most) {
  std::string whom;
  for (auto& [name, source] : sources_) {
    if (source.items.empty() || source.partition != partition) continue;
    Item& waits = source.items.front();
    const bool is_passed = std::ranges::any_of(just_decided_, [&](const Item& decided) {
      return decided.at > waits.at && decided.chunk_count >= waits.chunk_count;
    });
    if (is_passed && ++waits.passed_over > most) whom = fmt::format("{} of {}", waits.id, name);
  }
  just_decided_.clear();
  return whom;
}

Decided LogReading::outcome(const Source& source, const Item& item) {
  using Kind = Decided::Kind;
  Decided decided{.kind = Kind::rejected, .id = item.id, .attempt = item.attempt};
  const auto known = source.decided.find(item.id);
  if (item.attempt.empty()) {
    if (known != source.decided.end() && known->second == BatchStatus::committed) decided.kind = Kind::retracted;
    return decided;
  }
  if (known != source.decided.end()) return decided;
  if (source.id_by_key.contains(item.key)) {
    decided.rejection = Rejection::key_conflict;
    return decided;
  }
  if (!item.replaces.empty()) {
    const auto replaced = source.decided.find(item.replaces);
    if (replaced == source.decided.end() || replaced->second != BatchStatus::committed) {
      decided.rejection = Rejection::replaces_conflict;
      return decided;
    }
  }
  decided.kind = Kind::committed;
  return decided;
}

bool LogReading::is_nothing(const Decided& decided) {
  return decided.kind == Decided::Kind::rejected && decided.rejection == Rejection::none;
}

void LogReading::apply(Source& source, const Item& item, const Decided& decided) {
  switch (decided.kind) {
    case Decided::Kind::committed:
      source.decided[item.id] = BatchStatus::committed;
      source.id_by_key[item.key] = item.id;
      if (!item.replaces.empty()) source.decided[item.replaces] = BatchStatus::retracted;
      break;
    case Decided::Kind::rejected:
      source.decided[item.id] = BatchStatus::rejected;
      break;
    case Decided::Kind::retracted:
      source.decided[item.id] = BatchStatus::retracted;
      break;
  }
}

std::string LogReading::decide(const Decided& decided) {
  Source& source = sources_[decided.source];
  while (!source.items.empty()) {
    const Item item = std::move(source.items.front());
    source.items.pop_front();
    const Decided next = outcome(source, item);
    if (is_nothing(next)) continue;
    const bool same = next.kind == decided.kind && next.id == decided.id && next.rejection == decided.rejection &&
                      (item.attempt.empty() || next.attempt == decided.attempt);
    if (same) {
      apply(source, item, next);
      just_decided_.push_back(item);
      skip_nothings(source);
      return {};
    }
    return fmt::format(
        "of source {} the log has batch {} (attempt {}) next, as {}; the store decided batch {} "
        "(attempt {}), as {}",
        decided.source, item.id, item.attempt, std::to_underlying(next.kind), decided.id, decided.attempt,
        std::to_underlying(decided.kind));
  }
  return fmt::format("the log has nothing that would decide batch {} (attempt {}) of source {}", decided.id,
                     decided.attempt, decided.source);
}

bool LogReading::is_complete(const std::string& attempt) const {
  const auto found = attempts_.find(attempt);
  return found != attempts_.end() && found->second.state == Attempt::State::complete;
}

std::vector<Price> LogReading::prices(const std::string& attempt) const {
  const auto found = attempts_.find(attempt);
  return found == attempts_.end() ? std::vector<Price>{} : found->second.prices;
}

std::vector<std::string> LogReading::undecided() const {
  std::vector<std::string> left;
  for (const auto& [name, source] : sources_) {
    if (source.items.empty()) continue;
    Source rest = source;
    while (!rest.items.empty()) {
      const Item item = rest.items.front();
      rest.items.pop_front();
      const Decided next = outcome(rest, item);
      if (is_nothing(next)) continue;
      left.push_back(fmt::format("{} {}", name, item.id));
      apply(rest, item, next);
    }
  }
  return left;
}

std::vector<std::string> LogReading::open() const {
  std::vector<std::string> attempts;
  for (const auto& [name, attempt] : attempts_) {
    if (attempt.state == Attempt::State::open) attempts.push_back(name);
  }
  return attempts;
}

}  // namespace ratebook::sim
