#include "writer/log_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ratebook::writer {

using Finding = log::Look::Finding;

LogCheck::LogCheck(log::Log& log, store::Store& store, const Runtime& runtime, LogCheckOptions options)
    : log_(log), store_(store), runtime_(runtime), options_(std::move(options)), answered_(runtime.make_signal()) {}

void LogCheck::run(std::uint32_t partition, const std::stop_token& stop) {
  const log::Standing* standing = log_.standing();
  if (standing == nullptr) return;
  constexpr Duration slice = std::chrono::milliseconds{200};  // until a stop is noticed
  std::optional<Doubt> doubt;
  while (!stop.stop_requested()) {
    const std::uint64_t asked = standing->look_asked(partition).count();
    const std::uint64_t answered = answered_.count();
    const bool knew_position = look(partition, doubt);
    const Signal& wakes = knew_position ? standing->look_asked(partition) : answered_;
    const std::uint64_t seen = knew_position ? asked : answered;
    const BootTime until = runtime_.boot_time() + options_.interval;
    while (!stop.stop_requested() && wakes.count() == seen && runtime_.boot_time() < until) {
      wakes.wait_past(seen, std::min<Duration>(slice, until - runtime_.boot_time()));
    }
  }
}

/// False: the store's position is not known yet.
bool LogCheck::look(std::uint32_t partition, std::optional<Doubt>& doubt) {
  const auto start = log_.standing()->begin_look(partition);
  const auto known = ask(partition, start);
  if (!known) return false;
  // A log that does not answer is neither this one nor another; whoever needs it says so.
  if (const auto found = look_at(partition, known->position, start)) {
    conclude(partition, start, *known, *found, doubt);
  }
  return true;
}

Result<log::Look> LogCheck::look_at(std::uint32_t partition, const Position& position,
                                    const log::Standing::Start& start) {
  const Offset reach = start.reach.end;
  auto found = log::look_at(log_, partition, position);
  // The record at the position shows that the log reaches beyond it. How far the store's log reaches a node that was in
  // doubt does not know, or knows of another.
  const bool asks_for_end = start.in_doubt || reach > position.offset + 1;
  if (!found || found->finding != Finding::same || !asks_for_end) return found;
  const auto end = log_.end(partition);
  if (!end) return std::unexpected(end.error());
  found->end = *end;
  if (*end >= reach) return found;
  return log::Look{
      Finding::ends_before,
      fmt::format("the log's partition {} ends at {}, but it has acknowledged or shown records up to {} to "
                  "this node; connect the log that has them, or, where they are lost for good, restart the "
                  "nodes and have what was accepted in them sent again",
                  partition, *end, reach - 1)};
}

void LogCheck::conclude(std::uint32_t partition, const log::Standing::Start& start, const Known& known,
                        const log::Look& found, std::optional<Doubt>& doubt) {
  const Offset position = known.position.offset;
  log::Standing& standing = *log_.standing();
  if (found.finding == Finding::same) {
    doubt.reset();
    const bool was_other = standing.other(partition).has_value();
    if (standing.proven(partition, start, position, found.end) && was_other) {
      options_.report({Failure::unavailable,
                       fmt::format("partition {} of the log is the store's again; batches are taken", partition)});
    }
    return;
  }
  if (found.finding != Finding::other) {
    const BootTime now = runtime_.boot_time();
    const bool is_trimmed = found.finding == Finding::trimmed;
    // Behind a position that has moved on, the log may trim.
    if (is_trimmed && !known.is_current) return;
    const bool has_moved = is_trimmed && doubt && doubt->position != position;
    if (!doubt || doubt->finding != found.finding || has_moved) doubt = {found.finding, position, now};
    if (now - doubt->since < options_.patience) return;
  }
  if (standing.is_other(partition, found.why, found.finding == Finding::other)) {
    options_.report({Failure::damaged, fmt::format("no batches are taken: {}", found.why)});
  }
}

/// One thread asks for all, every `interval`; the others take what is known meanwhile. nullopt: nothing that would do.
std::optional<LogCheck::Known> LogCheck::ask(std::uint32_t partition, const log::Standing::Start& start) {
  const auto is_since = [&] { return asked_at_ && (!start.in_doubt || *asked_at_ >= start.found_at); };
  const auto known = [&]() -> std::optional<Known> {
    if (partition >= positions_.size()) return std::nullopt;
    if (start.in_doubt && !(are_newest_ && is_since())) return std::nullopt;
    return Known{positions_[partition], was_answered_};
  };
  const BootTime now = runtime_.boot_time();
  {
    const std::scoped_lock lock{mutex_};
    const bool is_fresh = is_since() && now - *asked_at_ < options_.interval;
    if (is_asking_ || (is_fresh && (known() || !was_answered_))) return known();
    is_asking_ = true;
  }
  auto asked = store_.positions(start.in_doubt);
  std::optional<Known> now_known;
  {
    const std::scoped_lock lock{mutex_};
    is_asking_ = false;
    asked_at_ = now;
    was_answered_ = asked.has_value();
    are_newest_ = was_answered_ && start.in_doubt;
    if (asked) positions_ = *std::move(asked);
    now_known = known();
  }
  answered_.notify();
  return now_known;
}

}  // namespace ratebook::writer
