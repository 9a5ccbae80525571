#include "log/standing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ratebook::log {

Standing::Standing(const Runtime& runtime, std::uint32_t partition_count)
    : runtime_(runtime), begun_(runtime.boot_time()), partitions_(partition_count), changed_(runtime.make_signal()) {
  for (auto& partition : partitions_) partition.asked = runtime.make_signal();
}

Standing::Reach Standing::reach(std::uint32_t partition) const {
  const std::scoped_lock lock{mutex_};
  const Partition& its = partitions_[partition];
  return {its.reach, its.changes};
}

void Standing::reaches(std::uint32_t partition, Offset end, const Reach& before) {
  const std::scoped_lock lock{mutex_};
  Partition& its = partitions_[partition];
  if (!its.other && its.changes == before.number) its.reach = std::max(its.reach, end);
}

Standing::Start Standing::begin_look(std::uint32_t partition) const {
  const std::scoped_lock lock{mutex_};
  const Partition& its = partitions_[partition];
  return {{its.reach, its.changes}, doubt_of(its, partition).has_value(), its.found_at};
}

bool Standing::proven(std::uint32_t partition, const Start& look, Offset position, Offset end) {
  bool is_news = false;
  {
    const std::scoped_lock lock{mutex_};
    Partition& its = partitions_[partition];
    if (its.changes != look.reach.number) return false;
    its.reach_proven = std::max(its.reach_proven, position + 1);
    its.reach = std::max({its.reach, position + 1, end});
    is_news = its.other.has_value() || !its.is_proven;
    its.is_proven = true;
    if (its.other) ++its.changes;
    its.other.reset();
  }
  if (is_news) changed_.notify();
  return is_news;
}

bool Standing::is_other(std::uint32_t partition, std::string why, bool is_foreign) {
  bool is_news = false;
  {
    const std::scoped_lock lock{mutex_};
    Partition& its = partitions_[partition];
    ++its.changes;
    its.found_at = runtime_.boot_time();
    if (is_foreign) its.reach = its.reach_proven;
    is_news = !its.other.has_value();
    its.other = std::move(why);
  }
  if (is_news) changed_.notify();
  return is_news;
}

std::optional<std::string> Standing::doubt_of(const Partition& partition, std::uint32_t number) {
  if (partition.other) return partition.other;
  if (partition.is_proven) return std::nullopt;
  return fmt::format("this node has not yet been able to prove that partition {} of the log belongs to its store",
                     number);
}

std::optional<std::string> Standing::doubt(std::uint32_t partition, Duration wait) const {
  const BootTime until = std::min(runtime_.boot_time() + wait, begun_ + first_looks_time);
  while (true) {
    const std::uint64_t seen = changed_.count();
    {
      const std::scoped_lock lock{mutex_};
      const Partition& its = partitions_[partition];
      auto why = doubt_of(its, partition);
      if (!why || its.other || runtime_.boot_time() >= until) return why;
    }
    changed_.wait_past(seen, until - runtime_.boot_time());
  }
}

std::optional<std::string> Standing::doubt_since(std::uint32_t partition, const Start& start) const {
  const std::scoped_lock lock{mutex_};
  const Partition& its = partitions_[partition];
  auto why = doubt_of(its, partition);
  if (why || its.changes == start.reach.number) return why;
  return fmt::format("partition {} of the log was another log for a while, while this was sent", partition);
}

std::optional<std::string> Standing::other(std::uint32_t partition) const {
  const std::scoped_lock lock{mutex_};
  return partitions_[partition].other;
}

std::optional<std::string> Standing::first_doubt() const {
  const std::scoped_lock lock{mutex_};
  std::optional<std::string> first;
  for (std::uint32_t i = 0; i < partitions_.size(); ++i) {
    if (partitions_[i].other) return partitions_[i].other;
    if (!first) first = doubt_of(partitions_[i], i);
  }
  return first;
}

std::size_t Standing::doubted_count() const {
  const std::scoped_lock lock{mutex_};
  return static_cast<std::size_t>(
      std::ranges::count_if(partitions_, [](const Partition& its) { return its.other || !its.is_proven; }));
}

void Standing::ask_for_look(std::uint32_t partition) { partitions_[partition].asked.notify(); }

}  // namespace ratebook::log
