#include "log/abandons.hpp"

#include <utility>

namespace ratebook::log {

Abandons::Abandons(Log& log, const Runtime& runtime, AbandonsOptions options)
    : log_(log),
      runtime_(runtime),
      options_(options),
      added_(runtime.make_signal()),
      stopped_(runtime.make_signal()),
      task_(runtime, [this](const std::stop_token& stop) { run(stop); }) {}

void Abandons::add(std::uint32_t partition, const std::string& attempt) {
  const BootTime until = runtime_.boot_time() + options_.keep_time_max;
  {
    const std::lock_guard lock{mutex_};
    if (queue_.size() >= options_.queued_max) return;
    queue_.push_back({partition, attempt, until});
  }
  added_.notify();
}

std::size_t Abandons::queued() const {
  const std::lock_guard lock{mutex_};
  return queue_.size();
}

std::optional<Abandons::Entry> Abandons::first() const {
  const std::lock_guard lock{mutex_};
  return queue_.empty() ? std::nullopt : std::optional{queue_.front()};
}

void Abandons::run(const std::stop_token& stop) {
  const std::stop_callback on_stop{stop, [this] {
                                     added_.notify();
                                     stopped_.notify();
                                   }};
  while (!stop.stop_requested()) {
    const std::uint64_t added = added_.count();
    const auto entry = first();
    if (!entry) {
      if (!stop.stop_requested()) added_.wait_past(added, std::chrono::hours{1});
      continue;
    }
    const bool is_over = runtime_.boot_time() >= entry->until;
    const bool is_done = is_over || abandon(log_, entry->partition, entry->attempt).has_value();
    {
      const std::lock_guard lock{mutex_};
      queue_.pop_front();
      if (!is_done) queue_.push_back(*entry);  // other partitions may answer
    }
    if (is_done) continue;
    const std::uint64_t stops = stopped_.count();
    if (!stop.stop_requested()) stopped_.wait_past(stops, options_.rest);
  }
}

}  // namespace ratebook::log
