#include "log/abandons.hpp"

#include <utility>

namespace ratebook::log {

Abandons::Abandons(Log& log, const Runtime& runtime, AbandonsOptions options)
    : log_(log), runtime_(runtime), options_(options), thread_([this](const std::stop_token& stop) { run(stop); }) {}

Abandons::~Abandons() {
  thread_.request_stop();
  thread_.join();
}

void Abandons::add(std::uint32_t partition, const std::string& attempt) {
  const BootTime until = runtime_.boot_time() + options_.keep_time_max;
  {
    const std::lock_guard lock{mutex_};
    if (queue_.size() >= options_.queued_max) return;
    queue_.push_back({partition, attempt, until});
  }
  changed_.notify_one();
}

std::size_t Abandons::queued() const {
  const std::lock_guard lock{mutex_};
  return queue_.size();
}

void Abandons::run(const std::stop_token& stop) {
  std::unique_lock lock{mutex_};
  while (changed_.wait(lock, stop, [this] { return !queue_.empty(); }) && !stop.stop_requested()) {
    const Entry entry = queue_.front();
    lock.unlock();
    const bool is_over = runtime_.boot_time() >= entry.until;
    const bool is_done = is_over || abandon(log_, entry.partition, entry.attempt).has_value();
    lock.lock();
    queue_.pop_front();
    if (is_done) continue;
    queue_.push_back(entry);  // other partitions may answer
    changed_.wait_for(lock, stop, options_.rest, [] { return false; });
  }
}

}  // namespace ratebook::log
