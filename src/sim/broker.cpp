#include "sim/broker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "log/record.hpp"

namespace ratebook::sim {

using std::chrono::milliseconds;

namespace {

std::string describe(const std::string& bytes) {
  const auto record = log::decode(bytes);
  if (!record) return record.error().message;
  if (const auto* chunk = std::get_if<log::ChunkRecord>(&*record)) {
    return fmt::format("chunk {}{} of attempt {}, batch {} of {}{}{}", chunk->number, chunk->last ? " (last)" : "",
                       chunk->attempt, chunk->batch.id, chunk->batch.source,
                       chunk->batch.replaces.empty() ? "" : ", replaces ", chunk->batch.replaces);
  }
  if (const auto* abandon = std::get_if<log::AbandonRecord>(&*record)) return "abandon " + abandon->attempt;
  return "retract " + std::get<log::RetractionRecord>(*record).batch_id;
}

}  // namespace

Broker::Broker(Scheduler& scheduler, Settings& settings, BrokerObserver observer)
    : scheduler_(scheduler),
      settings_(settings),
      observer_(std::move(observer)),
      partitions_(settings.partition_count) {
  for (auto& partition : partitions_) partition.appended = scheduler.make_signal();
}

Offset Broker::append(std::uint32_t partition, std::string bytes, const Told& told) {
  Partition& its = partitions_[partition];
  // A broker may leave offsets out; nobody may count on the next one.
  if (!settings_.embedded && scheduler_.random().chance(0.05)) its.end += 2;
  const Offset offset = its.end++;
  scheduler_.note("log", "append", {partition, static_cast<std::uint64_t>(offset), bytes.size()});
  if (scheduler_.is_verbose()) scheduler_.explain(describe(bytes));
  if (is_aside(partition)) {
    observer_.appended_elsewhere(bytes, told.is_other || offset < told.reach);
  } else {
    observer_.appended(partition, offset, bytes);
  }
  its.records.emplace(offset, std::move(bytes));
  its.appended.notify();
  return offset;
}

std::vector<log::StoredRecord> Broker::read(std::uint32_t partition, Offset from, std::size_t bytes_max) const {
  std::vector<log::StoredRecord> records;
  std::size_t bytes = 0;
  const Partition& its = partitions_[partition];
  for (auto at = its.records.lower_bound(from); at != its.records.end(); ++at) {
    bytes += at->second.size();
    if (!records.empty() && bytes > bytes_max) break;
    records.push_back({at->first, at->second});
  }
  return records;
}

void Broker::trim(std::uint32_t partition, Offset before) {
  Partition& its = partitions_[partition];
  before = std::min(before, its.kept_from);
  if (before <= its.trimmed_before) return;
  its.trimmed_before = std::min(before, its.end);
  its.records.erase(its.records.begin(), its.records.lower_bound(its.trimmed_before));
}

Offset Broker::last(std::uint32_t partition) const {
  const auto& records = partitions_[partition].records;
  return records.empty() ? -1 : records.rbegin()->first;
}

void Broker::lose_newest(std::uint32_t partition, std::size_t count) {
  Partition& its = partitions_[partition];
  for (; count > 0 && !its.records.empty(); --count) {
    its.end = its.records.rbegin()->first;
    its.records.erase(its.end);
  }
}

void Broker::change(std::uint32_t partition, Partition to) {
  to.appended = partitions_[partition].appended;
  to.number = ++log_count_;
  partitions_[partition] = std::move(to);
  scheduler_.note("log", is_aside(partition) ? "another log" : "the right log again",
                  {partition, static_cast<std::uint64_t>(partitions_[partition].end)});
  partitions_[partition].appended.notify();
}

void Broker::put_aside(std::uint32_t partition, std::vector<log::StoredRecord> other) {
  Partition to;
  for (auto& record : other) {
    to.end = record.offset + 1;
    to.records.emplace(record.offset, std::move(record.bytes));
  }
  aside_.emplace(partition, partitions_[partition]);
  change(partition, std::move(to));
}

void Broker::bring_back() {
  for (auto& [partition, right] : std::exchange(aside_, {})) change(partition, std::move(right));
}

const std::map<Offset, std::string>& Broker::right_records(std::uint32_t partition) const {
  const auto aside = aside_.find(partition);
  return aside == aside_.end() ? partitions_[partition].records : aside->second.records;
}

std::string Broker::right_record(std::uint32_t partition, Offset offset) const {
  const auto& records = right_records(partition);
  const auto found = records.lower_bound(offset);
  return found == records.end() ? std::string{} : found->second;
}

void Broker::join(const std::string& node) {
  views_[node] = {};
  decided_[node] = 0;
  rebalance();
}

void Broker::leave(const std::string& node) {
  views_.erase(node);
  rebalance();
}

void Broker::rebalance() {
  const std::uint64_t decision = ++decision_;
  if (views_.empty()) return;
  std::map<std::string, log::Assignment> owned;
  std::vector<std::string> members;
  for (const auto& [node, view] : views_) {
    owned[node].generation = decision;
    members.push_back(node);
  }
  Random& random = scheduler_.random();
  for (std::uint32_t i = 0; i < partition_count(); ++i) owned[random.pick(members)].partitions.push_back(i);
  scheduler_.note("log", "rebalance", {decision, members.size()});
  for (auto& [node, assignment] : owned) {
    Duration lag = random.between(milliseconds{0}, milliseconds{100});
    if (settings_.hits(random, 0.2)) lag = random.between(lag, 3 * settings_.attempt_time_max);
    scheduler_.at(scheduler_.now() + lag, [this, node, decision, assignment] {
      const auto view = views_.find(node);
      if (view == views_.end() || decided_[node] >= decision) return;
      decided_[node] = decision;
      view->second = assignment;
    });
  }
}

log::Assignment Broker::assignment(const std::string& node) const {
  const auto view = views_.find(node);
  return view == views_.end() ? log::Assignment{} : view->second;
}

SimLog::SimLog(Scheduler& scheduler, Settings& settings, Broker& broker, std::string node, const Runtime& runtime)
    : scheduler_(scheduler),
      settings_(settings),
      broker_(broker),
      node_(std::move(node)),
      standing_(runtime, broker.partition_count()),
      told_(broker.partition_count()),
      read_log_(broker.partition_count()) {}

log::Standing* SimLog::standing() {
  return settings_.embedded || settings_.planted(Plant::foreign_log_accepted) ? nullptr : &standing_;
}

void SimLog::leave(const std::string&, log::Leave how) {
  if (settings_.embedded) return;
  is_away_ = how == log::Leave::for_now;
  scheduler_.note(node_, "leaves the group");
  broker_.leave(node_);
}

void SimLog::rejoin() {
  if (!std::exchange(is_away_, false)) return;
  scheduler_.note(node_, "rejoins the group");
  broker_.join(node_);
}

bool SimLog::unreachable() const { return scheduler_.now() < broker_.down_until || scheduler_.now() < cut_off_until; }

Result<Offset> SimLog::append(std::uint32_t partition, const log::RecordSource& records) {
  if (settings_.embedded) return append_whole(partition, records);
  auto record = records();
  Offset last = -1;
  bool some_in = false;
  while (true) {
    if (!record) return std::unexpected(record.error());
    if (!*record) break;
    auto next = records();
    bool in_doubt = false;
    const auto offset = append_one(partition, std::move(**record), in_doubt);
    const bool is_last = !next || !*next;
    const bool ignored = settings_.planted(Plant::doubt_taken_for_success) ||
                         (settings_.planted(Plant::attempt_continued_after_doubt) && !is_last);
    if (in_doubt && !ignored) {
      // What the producer had sent on before it learned of the doubt may come as well.
      for (; next && *next && scheduler_.random().chance(0.4); next = records()) {
        deliver_late(partition, std::move(**next));
      }
      return std::unexpected(offset.error());
    }
    if (!offset && !in_doubt) {
      return some_in ? fail(Failure::unknown, "only the first of several records are in") : offset;
    }
    last = offset.value_or(broker_.end(partition));
    some_in = true;
    record = std::move(next);
  }
  return last;
}

Result<Offset> SimLog::append_one(std::uint32_t partition, std::string bytes, bool& in_doubt) {
  Random& random = scheduler_.random();
  const Rates& rates = settings_.rates;
  const auto doubt = [&] {
    in_doubt = true;
    return fail(Failure::unknown, "no answer from the log");
  };
  const Duration there = settings_.delay(random);
  const Duration back = settings_.delay(random);
  if (unreachable() || settings_.hits(random, rates.append_refused)) {
    scheduler_.sleep(there + back);
    if (random.chance(0.5)) return fail(Failure::refused, "the log does not take records now");
    return doubt();
  }
  if (settings_.hits(random, rates.append_interleaved)) {
    broker_.append(partition, log::encode(log::AbandonRecord{hex(sha256(bytes)).substr(0, 32)}));
  }
  if (settings_.hits(random, rates.append_lost)) {
    scheduler_.sleep(there + back);
    return doubt();
  }
  if (settings_.hits(random, rates.append_late)) {
    scheduler_.sleep(there + back);
    deliver_late(partition, std::move(bytes));
    return doubt();
  }
  const bool unanswered = settings_.hits(random, rates.append_unanswered);
  const Told told = told_[partition];
  const auto before = standing_.reach(partition);
  struct Taken {
    Offset offset = 0;
    bool is_elsewhere = false;
  };
  const auto effect = [this, partition, bytes = std::move(bytes), told] {
    return Taken{broker_.append(partition, bytes, told), broker_.is_aside(partition)};
  };
  const auto [offset, is_elsewhere] = scheduler_.call<Taken>(there, back, effect);
  if (unanswered) return doubt();
  if (!is_elsewhere) told_[partition].reach = std::max(told_[partition].reach, offset + 1);
  const bool unchecked =
      settings_.planted(Plant::low_acknowledgement_counts) || settings_.planted(Plant::foreign_log_accepted);
  if (offset < before.end && !unchecked) {
    standing_.is_other(partition, "a record was acknowledged below one that was there before", false);
    standing_.ask_for_look(partition);
    return doubt();
  }
  standing_.reaches(partition, offset + 1, before);
  return offset;
}

void SimLog::deliver_late(std::uint32_t partition, std::string bytes) {
  const Duration lag = scheduler_.random().between(milliseconds{1}, settings_.late_time_max);
  late_until_ = std::max(late_until_, scheduler_.now() + lag) + Duration{1};
  scheduler_.at(late_until_, [this, partition, bytes = std::move(bytes)] {
    scheduler_.note(node_, "late delivery", {partition});
    broker_.append(partition, bytes);
  });
}

Result<Offset> SimLog::append_whole(std::uint32_t partition, const log::RecordSource& records) {
  std::vector<std::string> all;
  while (true) {
    auto record = records();
    if (!record) return std::unexpected(record.error());
    if (!*record) break;
    all.push_back(std::move(**record));
  }
  Random& random = scheduler_.random();
  const Duration there = settings_.delay(random);
  if (settings_.hits(random, settings_.rates.append_refused)) {
    scheduler_.sleep(there);
    return fail(Failure::full, "the disk is full");
  }
  const auto effect = [this, partition, all = std::move(all)] {
    Offset last = -1;
    for (const auto& record : all) last = broker_.append(partition, record);
    return last;
  };
  if (settings_.planted(Plant::acknowledged_before_synced)) {
    scheduler_.at(scheduler_.now() + there + milliseconds{20}, [process = scheduler_.process(), effect] {
      if (!process->dead) effect();
    });
    scheduler_.sleep(there);
    return broker_.end(partition);
  }
  return scheduler_.call<Offset>(there, settings_.delay(random), effect);
}

Result<std::vector<log::StoredRecord>> SimLog::read(std::uint32_t partition, Offset from, std::size_t bytes_max,
                                                    Duration wait, bool tells) {
  using Answer = std::pair<Result<std::vector<log::StoredRecord>>, std::uint64_t>;  // and the log's number
  Random& random = scheduler_.random();
  const Time until = scheduler_.now() + wait;
  while (true) {
    const bool fails = settings_.hits(random, settings_.rates.read_fails);
    const std::uint64_t seen = broker_.appended(partition).count();
    const auto before = standing_.reach(partition);
    const auto effect = [this, partition, from, bytes_max] {
      return Answer{read_now(partition, from, bytes_max), broker_.log_number(partition)};
    };
    auto [records, number] = scheduler_.call<Answer>(settings_.delay(random), settings_.delay(random), effect);
    if (fails || unreachable()) return fail(Failure::unavailable, "the log does not answer");
    if (!records) return std::unexpected(records.error());
    if (tells) note_told(partition, number, bytes_max == 1, *records);
    if (bytes_max > 1 && !records->empty()) standing_.reaches(partition, records->back().offset + 1, before);
    if (!records->empty() || scheduler_.now() >= until) return *std::move(records);
    broker_.appended(partition).wait_past(seen, until - scheduler_.now());
  }
}

/// In the broker. A change of logs breaks the connections that are read in sequence.
Result<std::vector<log::StoredRecord>> SimLog::read_now(std::uint32_t partition, Offset from, std::size_t bytes_max) {
  const bool in_sequence = bytes_max > 1;
  if (in_sequence &&
      std::exchange(read_log_[partition], broker_.log_number(partition)) != broker_.log_number(partition))
    return fail(Failure::unavailable, "the connection broke");
  if (from < broker_.trimmed_before(partition)) return fail(Failure::damaged, "trimmed");
  if (in_sequence && from > broker_.end(partition)) return fail(Failure::unavailable, "the log ends before");
  return broker_.read(partition, from, bytes_max);
}

void SimLog::note_told(std::uint32_t partition, std::uint64_t number, bool is_look_up,
                       const std::vector<log::StoredRecord>& records) {
  if (records.empty()) return;
  Told& told = told_[partition];
  const auto& newest = records.back();
  const bool is_right = broker_.right_record(partition, newest.offset) == newest.bytes;
  if (is_right && number == broker_.log_number(partition) && !broker_.is_aside(partition)) {
    told.reach = std::max(told.reach, newest.offset + 1);
  }
  if (is_look_up) {
    told.is_other = !is_right;
    if (!is_right) ++told.others_found;
  }
}

Result<Offset> SimLog::end(std::uint32_t partition) {
  if (unreachable()) return fail(Failure::unavailable, "the log does not answer");
  const auto before = standing_.reach(partition);
  const auto end = scheduler_.call<Offset>(settings_.delay(scheduler_.random()), settings_.delay(scheduler_.random()),
                                           [this, partition] { return broker_.end(partition); });
  standing_.reaches(partition, end, before);
  return end;
}

Result<void> SimLog::trim(std::uint32_t partition, Offset before) {
  if (unreachable()) return fail(Failure::unavailable, "the log does not answer");
  return scheduler_.call<Result<void>>(settings_.delay(scheduler_.random()), Duration{0},
                                       [this, partition, before]() -> Result<void> {
                                         broker_.trim(partition, before);
                                         return {};
                                       });
}

Result<Offset> ForgetfulLog::append(std::uint32_t partition, const log::RecordSource& records) {
  for (auto record = records(); record && *record; record = records()) left_out_[partition].push_back(**record);
  return 0;
}

Result<std::vector<log::StoredRecord>> ForgetfulLog::read(std::uint32_t partition, Offset from, std::size_t bytes_max,
                                                          Duration wait) {
  auto records = log_.read(partition, from, bytes_max, wait);
  // Only a writer that reads on is told; not one that reads a record again.
  Offset& read_before = read_before_[partition];
  if (!records || from < read_before) return records;
  if (!records->empty()) read_before = records->back().offset + 1;
  // As if it stood with the record before: nobody's position names it.
  for (auto& bytes : std::exchange(left_out_[partition], {})) {
    records->insert(records->begin(), {from - 1, std::move(bytes)});
  }
  return records;
}

Result<std::vector<log::StoredRecord>> TrustedLog::read(std::uint32_t partition, Offset from, std::size_t bytes_max,
                                                        Duration wait) {
  if (bytes_max > 1) return log_.read(partition, from, bytes_max, wait);
  return std::vector{log::StoredRecord{from, broker_.right_record(partition, from)}};
}

}  // namespace ratebook::sim
