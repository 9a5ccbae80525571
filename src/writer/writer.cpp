#include "writer/writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <thread>
#include <unordered_map>

#include "log/look.hpp"
#include "log/standing.hpp"
#include "model/packed_chunk.hpp"
#include "model/radix_sort.hpp"
#include "writer/first_seen.hpp"
#include "writer/tracker.hpp"

namespace ratebook::writer {
namespace {

/// One assignment of one partition: from claim to failure. All its state goes with it.
class Assigned {
 public:
  Assigned(log::Log& log, store::Store& store, const Runtime& runtime, std::uint32_t partition,
           const WriterOptions& options, const Offer& offer, FirstSeen& first_seen)
      : log_(log),
        store_(store),
        runtime_(runtime),
        partition_(partition),
        options_(options),
        offer_(offer),
        first_seen_(first_seen) {}

  Result<void> run(const std::stop_token& stop) {
    // Not even claimed: there is nothing to read.
    if (auto log_is_ours = check_standing(); !log_is_ours) return log_is_ours;
    const log::Assignment mine = log_.assignment();
    const std::uint64_t history = options_.history();
    if (auto begun = begin(); !begun) return begun;
    while (!stop.stop_requested() && log_.assignment() == mine && options_.history() == history) {
      if (auto read = read_on(); !read) return read;
      if (auto abandoned = abandon_stale(); !abandoned) return abandoned;
      if (auto staged = stage_next_large(); !staged) return staged;
      if (auto published = publish(); !published) return published;
      has_worked_ = has_worked_ || (has_read_all_ && tracker_->pending().empty());
    }
    return {};
  }

  /// Whether it got on: staged or published anything, or had nothing to do. Then what failed afterwards is a new
  /// failure.
  bool has_worked() const { return has_worked_; }

 private:
  /// What is published together, in the order of the log: of each source the first of its queue.
  using Chosen = std::vector<Pending*>;
  /// A chunk's ports with the store's numbers, and its prices with these, sorted.
  struct Numbered {
    std::vector<store::NumberedPort> ports;
    std::vector<NumberedPrice> prices;
  };

  Result<void> begin() {
    const auto claim = store_.claim(partition_);
    if (!claim) return std::unexpected(claim.error());
    epoch_ = claim->epoch;
    position_ = claim->position;
    next_ = position_.offset + 1;
    TrackerOptions tracking{options_.held_bytes_max, position_, !log_.is_part_of_store()};
    if (options_.goes_before) tracking.goes_before = options_.goes_before;
    tracker_.emplace(std::move(tracking), first_seen_);
    if (log_.is_part_of_store()) return {};
    const auto found = log::look_at(log_, partition_, position_);
    if (!found) return std::unexpected(found.error());
    if (found->finding == log::Look::Finding::same) return {};
    if (found->finding == log::Look::Finding::other && log_.standing() != nullptr) {
      static_cast<void>(log_.standing()->is_other(partition_, found->why, true));
    }
    return fail(Failure::damaged, found->why);
  }

  /// Rule 23: of another log nothing is decided, and its records are not ours to delete.
  Result<void> check_standing() const {
    const log::Standing* standing = log_.standing();
    const auto why = standing == nullptr ? std::nullopt : standing->other(partition_);
    if (why) return fail(Failure::damaged, *why);
    return {};
  }

  Result<void> read_on() {
    has_read_all_ = false;
    // What is ready goes first: it came before whatever is read now, and memory is bounded by what one call reads.
    if (has_more_ready_) return {};
    const Duration rest = std::max(rests_until_ - runtime_.boot_time(), Duration{0});
    const Duration wait = tracker_->pending().empty() ? options_.read_wait : std::min(rest, options_.read_wait);
    if (tracker_->pending_count() >= options_.pending_max) {
      runtime_.sleep(wait);
      return {};
    }
    const auto records = log_.read(partition_, next_, options_.read_bytes_max, wait);
    if (!records) return std::unexpected(records.error());
    if (auto log_is_ours = check_standing(); !log_is_ours) return log_is_ours;
    has_read_all_ = records->empty();
    for (const auto& record : *records) {
      if (auto taken = tracker_->take(record, runtime_.boot_time()); !taken) {
        // A format that this program does not know.
        log_.leave(taken.error().message, log::Leave::for_good);
        return taken;
      }
      next_ = record.offset + 1;
    }
    return {};
  }

  /// Time alone decides nothing: the record does, by where it stands.
  Result<void> abandon_stale() {
    const BootTime now = runtime_.boot_time();
    const Duration time_max = options_.attempt_time_max;
    for (const auto& attempt : tracker_->overdue(now - 2 * time_max, now - time_max, now)) {
      if (auto done = log::abandon(log_, partition_, attempt); !done) options_.report(done.error());
    }
    return {};
  }

  bool is_large(const Pending& pending) const { return pending.chunks.size() > options_.small_batch_chunks; }
  static bool is_staged(const Pending& pending) {
    return pending.decided_before || pending.staged == pending.chunks.size();
  }

  /// Of the large batches at the fronts of their sources' queues, the one that goes first; nullptr: there is none.
  Pending* next_large() {
    Line line{*tracker_};
    for (Pending* front = line.next(); front != nullptr; front = line.next()) {
      if (is_large(*front) && !is_staged(*front)) return front;
      line.hold_source();
    }
    return nullptr;
  }

  /// Some chunks of the large batch that goes first.
  Result<void> stage_next_large() {
    const BootTime began = runtime_.boot_time();
    if (began < rests_until_) return {};
    Pending* oldest = next_large();
    if (oldest == nullptr) return {};
    if (oldest->staged == 0) {
      const auto known = store_.batch(oldest->header.id);
      if (!known) return std::unexpected(known.error());
      oldest->decided_before = known->has_value();
      if (oldest->decided_before) return {};
    }
    auto staged = stage_chunks(*oldest, store_.stage_width());
    const BootTime ended = runtime_.boot_time();
    rests_until_ = ended + std::chrono::duration_cast<Duration>((ended - began) * store_.stage_rest());
    return staged;
  }

  /// The next chunks, at most `count_max` of them, all at once.
  Result<void> stage_chunks(Pending& pending, std::size_t count_max) {
    const std::size_t first = pending.staged;
    const std::size_t count = std::min(count_max, pending.chunks.size() - first);
    std::vector<Numbered> numbered(count);
    for (std::size_t i = 0; i < count; ++i) {
      auto held = number_held(pending.chunks[first + i]);
      if (!held) return std::unexpected(held.error());
      numbered[i] = std::move(*held);
    }
    const auto chunk = [first](std::size_t i) { return static_cast<std::uint32_t>(first + i); };
    std::vector<Result<void>> outcomes(count);
    const auto stage = [&](std::size_t i) {
      outcomes[i] =
          store_.stage({partition_, epoch_, pending.attempt, chunk(i), numbered[i].prices, numbered[i].ports});
    };
    {
      std::vector<std::jthread> others;
      for (std::size_t i = 1; i < count; ++i) others.emplace_back(stage, i);
      stage(0);
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (!outcomes[i]) return std::move(outcomes[i]);
      offer_(pending.attempt, chunk(i), pending.header.price_count, *pending.chunks[first + i].held);
      tracker_->release(pending.source, pending.chunks[first + i]);
      ++pending.staged;
      has_worked_ = true;
    }
    return {};
  }

  /// Of a chunk that the tracker holds, or that is read once more.
  Result<Numbered> number_held(ChunkPlace& place) {
    if (!place.held) {
      auto chunk = read_again(place);
      if (!chunk) return std::unexpected(chunk.error());
      place.held = std::move(*chunk);
      place.bytes = 0;  // counts against no bound: it goes at once
    }
    return number(*place.held);
  }

  Result<Chunk> read_again(const ChunkPlace& place) {
    const Offset offset = place.offset;
    auto records = log_.read(partition_, offset, 1, Duration{0});
    if (!records) return std::unexpected(records.error());
    if (records->empty() || records->front().offset != offset) {
      return fail(Failure::damaged, fmt::format("record {} of partition {} is gone from the log", offset, partition_));
    }
    const auto record = log::decode(records->front().bytes);
    if (!record) return std::unexpected(record.error());
    const auto* chunk = std::get_if<log::ChunkRecord>(&*record);
    const bool is_same = !place.digest || sha256(records->front().bytes) == *place.digest;
    if (chunk == nullptr || !is_same) {
      const auto why =
          fmt::format("record {} of the log's partition {} is another one than was read before", offset, partition_);
      if (log_.standing() != nullptr) static_cast<void>(log_.standing()->is_other(partition_, why, true));
      return fail(Failure::damaged, why);
    }
    return unpack_chunk(chunk->prices);
  }

  Result<Numbered> number(const Chunk& chunk) {
    std::vector<PortCode> unknown;
    for (const PortCode code : chunk.ports) {
      if (!numbers_.contains(code)) unknown.push_back(code);
    }
    if (!unknown.empty()) {
      const auto found = store_.number_ports(unknown);
      if (!found) return std::unexpected(found.error());
      for (std::size_t i = 0; i < unknown.size(); ++i) numbers_.emplace(unknown[i], (*found)[i]);
    }
    Numbered numbered;
    numbered.ports.reserve(chunk.ports.size());
    for (const PortCode code : chunk.ports) numbered.ports.push_back({numbers_.at(code), code});
    numbered.prices.reserve(chunk.items.size());
    for (const auto& item : chunk.items) {
      numbered.prices.push_back(
          {numbered.ports[item.orig].number, numbered.ports[item.dest].number, item.day, item.amount});
    }
    radix_sort(std::span(numbered.prices), scratch_);
    return numbered;
  }

  /// What can be decided now, whoever has waited longest first (rule 22): of each source the first ones that are
  /// staged, staging small ones here.
  Result<Chosen> choose() {
    Chosen chosen;
    has_more_ready_ = false;
    Line line{*tracker_};
    while (Pending* pending = line.next()) {
      if (is_large(*pending) && !is_staged(*pending)) {
        line.hold_source();
        continue;
      }
      if (chosen.size() == options_.decisions_per_publish) {
        has_more_ready_ = true;
        break;
      }
      while (!is_staged(*pending)) {
        if (auto staged = stage_chunks(*pending, 1); !staged) return std::unexpected(staged.error());
      }
      chosen.push_back(pending);
    }
    return chosen;
  }

  Result<void> publish() {
    auto chosen = choose();
    if (!chosen) return std::unexpected(chosen.error());
    const Position next = tracker_->position_after(*chosen);
    if (chosen->empty() && tracker_->swept.empty() && tracker_->bad_records.empty() && next == position_) return {};

    store::PublishRequest request{.partition = partition_,
                                  .epoch = epoch_,
                                  .expected = position_,
                                  .next = next,
                                  .decisions = decisions(*chosen),
                                  .bad_records = tracker_->bad_records,
                                  .swept = tracker_->swept,
                                  .now = runtime_.wall_time()};
    if (auto log_is_ours = check_standing(); !log_is_ours) return log_is_ours;
    const auto outcomes = store_.publish(request);
    // Whatever failed, and above all where the outcome is unknown: a new claim waits for the old transaction and then
    // reads from the store what came of it.
    if (!outcomes) return std::unexpected(outcomes.error());
    for (const Pending* pending : *chosen) tracker_->decided(std::string{pending->source});
    for (const auto& bad : tracker_->bad_records) {
      options_.report({Failure::damaged, fmt::format("record {} of partition {} of the log is not a batch's, and was "
                                                     "passed over: {}; it stands in the store's table bad_record",
                                                     bad.offset, partition_, bad.why)});
    }
    tracker_->swept.clear();
    tracker_->bad_records.clear();
    position_ = next;
    has_worked_ = true;
    trim();
    return {};
  }

  static std::vector<store::Decision> decisions(const Chosen& chosen) {
    std::vector<store::Decision> decided;
    for (const Pending* pending : chosen) {
      if (!pending->retracted_id.empty()) {
        decided.emplace_back(store::RetractDecision{pending->retracted_id});
      } else {
        decided.emplace_back(store::CommitDecision{pending->header, pending->attempt,
                                                   static_cast<std::uint32_t>(pending->chunks.size())});
      }
    }
    return decided;
  }

  void trim() {
    if (position_.offset - trimmed_ < options_.trim_interval || !check_standing()) return;
    if (auto done = log_.trim(partition_, position_.offset); !done) options_.report(done.error());
    trimmed_ = position_.offset;
  }

  log::Log& log_;
  store::Store& store_;
  const Runtime& runtime_;
  std::uint32_t partition_;
  const WriterOptions& options_;
  const Offer& offer_;
  FirstSeen& first_seen_;
  std::optional<Tracker> tracker_;  ///< from the claim on
  std::uint64_t epoch_ = 0;
  Position position_;
  Offset next_ = 0;          ///< to read
  BootTime rests_until_{0};  ///< large batches are not staged before
  bool has_read_all_ = false;
  bool has_more_ready_ = false;  ///< than the last publish took
  bool has_worked_ = false;
  Offset trimmed_ = -1;  ///< the position at the last trim of this assignment
  std::unordered_map<PortCode, PortNumber> numbers_;
  std::vector<NumberedPrice> scratch_;
};

bool is_assigned(log::Log& log, std::uint32_t partition) {
  const log::Assignment assignment = log.assignment();
  return std::ranges::find(assignment.partitions, partition) != assignment.partitions.end();
}

/// Tells what comes in the log from now on, as long as another node writes the partition, and notes which attempts it
/// opens. What is wrong with a record that node says.
Result<void> watch(log::Log& log, const Runtime& runtime, std::uint32_t partition, const WriterOptions& options,
                   const Offer& offer, FirstSeen& first_seen, const std::stop_token& stop) {
  auto next = log.end(partition);
  while (next && !stop.stop_requested() && !is_assigned(log, partition)) {
    const auto records = log.read(partition, *next, options.read_bytes_max, options.retry_wait);
    if (!records) {
      if (log.standing() != nullptr) log.standing()->ask_for_look(partition);
      return std::unexpected(records.error());
    }
    for (const auto& record : *records) {
      next = record.offset + 1;
      const auto decoded = log::decode(record.bytes);
      if (!decoded) continue;
      if (const auto* given_up = std::get_if<log::AbandonRecord>(&*decoded)) first_seen.forget(given_up->attempt);
      const auto* chunk = std::get_if<log::ChunkRecord>(&*decoded);
      if (chunk == nullptr) continue;
      if (chunk->last) {
        first_seen.forget(chunk->attempt);
      } else if (chunk->number == 0) {
        first_seen.see(chunk->attempt, runtime.boot_time());
      }
      if (const auto prices = unpack_chunk(chunk->prices)) {
        offer(chunk->attempt, chunk->number, chunk->batch.price_count, *prices);
      }
    }
  }
  if (!next) return std::unexpected(next.error());
  return {};
}

/// In naps, so that a stop need not wait for the end of a long one.
void sleep_unless_stopped(const Runtime& runtime, Duration wait, Duration nap, const std::stop_token& stop) {
  for (Duration left = wait; left > Duration{0} && !stop.stop_requested(); left -= nap) {
    runtime.sleep(std::min(left, nap));
  }
}

/// Another node may reach what this one does not.
bool may_end_elsewhere(const Fault& fault) {
  return fault.failure == Failure::unavailable || fault.failure == Failure::unknown;
}

/// Gives the writing to others until both engines answer.
void leave_until_answered(log::Log& log, store::Store& store, const Runtime& runtime, std::uint32_t partition,
                          const Fault& fault, const WriterOptions& options, const std::stop_token& stop) {
  log.leave(fault.message, log::Leave::for_now);
  const auto answer = [&] { return store.head() && (log.is_part_of_store() || log.end(partition)); };
  while (!stop.stop_requested() && !answer()) {
    sleep_unless_stopped(runtime, options.retry_wait_max, options.retry_wait, stop);
  }
  log.rejoin();
}

}  // namespace

void run_partition(log::Log& log, store::Store& store, const Runtime& runtime, std::uint32_t partition,
                   const WriterOptions& options, const Offer& offer, const std::stop_token& stop) {
  Duration wait = options.retry_wait;
  BootTime worked = runtime.boot_time();  // when it last did, or was not assigned
  FirstSeen first_seen;
  while (!stop.stop_requested()) {
    if (!is_assigned(log, partition)) {
      worked = runtime.boot_time();
      // Where the log does not answer, its writer says so.
      if (!watch(log, runtime, partition, options, offer, first_seen, stop)) runtime.sleep(options.retry_wait);
      continue;
    }
    Assigned assigned{log, store, runtime, partition, options, offer, first_seen};
    const auto ended = assigned.run(stop);
    if (assigned.has_worked()) {
      wait = options.retry_wait;
      worked = runtime.boot_time();
    }
    if (ended) continue;
    options.report(ended.error());
    if (log.standing() != nullptr) log.standing()->ask_for_look(partition);
    if (runtime.boot_time() - worked >= options.stall_time_max && may_end_elsewhere(ended.error())) {
      leave_until_answered(log, store, runtime, partition, ended.error(), options, stop);
      worked = runtime.boot_time();
      continue;
    }
    sleep_unless_stopped(runtime, wait, options.retry_wait, stop);
    wait = std::min(2 * wait, options.retry_wait_max);
  }
}

}  // namespace ratebook::writer
