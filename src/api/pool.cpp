#include "api/pool.hpp"

#include <algorithm>
#include <exception>
#include <system_error>
#include <utility>

namespace ratebook::api {

Pool::Pool(const Runtime& runtime, unsigned threads, std::size_t waiting_max, std::chrono::milliseconds idle_time)
    : runtime_(runtime), threads_max_(threads), waiting_max_(waiting_max), idle_time_(idle_time) {}

void Pool::finish() {
  {
    const std::lock_guard lock{mutex_};
    ending_ = true;
    for (const Worker* worker : asleep_) worker->woken.notify();
    asleep_.clear();
  }
  // From here on none begins, and none that ends moves.
  for (Workers* workers : {&workers_, &ended_}) {
    for (const auto& worker : *workers) worker->join();
    workers->clear();
  }
}

void Pool::drop_waiting() {
  std::deque<std::function<void()>> dropped;  // destroyed without the lock
  const std::lock_guard lock{mutex_};
  dropped.swap(work_);
}

void Pool::post(std::function<void()> work) { add(std::move(work), std::numeric_limits<std::size_t>::max()); }

bool Pool::try_post(std::function<void()> work) { return add(std::move(work), waiting_max_); }

std::size_t Pool::waiting() const {
  const std::lock_guard lock{mutex_};
  return work_.size();
}

std::size_t Pool::thread_count() const {
  const std::lock_guard lock{mutex_};
  return workers_.size();
}

bool Pool::add(std::function<void()> work, std::size_t waiting_max) {
  Workers ended;
  {
    const std::lock_guard lock{mutex_};
    if (ending_) return true;  // whoever asked is being cut off
    if (work_.size() >= free_ && workers_.size() >= threads_max_ && work_.size() - free_ >= waiting_max) return false;
    work_.push_back(std::move(work));
    if (work_.size() > free_ && workers_.size() < threads_max_) begin_worker();
    // Whoever is free and not asleep looks for work before it sleeps.
    if (!asleep_.empty()) {
      asleep_.back()->woken.notify();
      asleep_.pop_back();
    }
    ended.swap(ended_);
  }
  for (const auto& worker : ended) worker->join();
  return true;
}

/// Under the lock.
void Pool::begin_worker() {
  const auto own = workers_.insert(workers_.end(), std::make_unique<Worker>());
  (*own)->woken = runtime_.make_signal();
  try {
    (*own)->join = runtime_.spawn([this, own] { run(own); });
  } catch (const std::system_error&) {
    workers_.erase(own);
    if (workers_.empty()) throw;  // else those that there are do it, later
  }
}

void Pool::run(Workers::iterator own) {
  while (const auto work = next_work(own)) {
    try {
      work();
    } catch (const std::exception&) {
      // The server answers 500, as no one else has.
    }
    // What the work holds goes here, without the lock: it may be long to destroy, or call back in here.
  }
}

/// None: the worker has had none for a while, or the pool ends.
std::function<void()> Pool::next_work(Workers::iterator own) {
  Worker& worker = **own;
  const BootTime until = runtime_.boot_time() + idle_time_;
  std::unique_lock lock{mutex_};
  ++free_;
  while (work_.empty() && !ending_) {
    const BootTime now = runtime_.boot_time();
    if (now >= until) break;
    const std::uint64_t seen = worker.woken.count();
    asleep_.push_back(&worker);
    lock.unlock();
    worker.woken.wait_past(seen, until - now);
    lock.lock();
    std::erase(asleep_, &worker);
  }
  --free_;
  if (work_.empty()) {
    if (!ending_) ended_.splice(ended_.end(), workers_, own);
    return nullptr;
  }
  auto work = std::move(work_.front());
  work_.pop_front();
  return work;
}

}  // namespace ratebook::api
