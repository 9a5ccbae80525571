#include "api/pool.hpp"

#include <exception>
#include <system_error>
#include <utility>

namespace ratebook::api {

Pool::Pool(unsigned threads, std::size_t waiting_max, std::chrono::milliseconds idle_time)
    : threads_max_(threads), waiting_max_(waiting_max), idle_time_(idle_time) {}

void Pool::finish() {
  {
    std::unique_lock lock{mutex_};
    ending_ = true;
    posted_.notify_all();
    posted_.wait(lock, [this] { return threads_.empty(); });
  }
  for (std::thread& thread : ended_) thread.join();
  ended_.clear();
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
  return threads_.size();
}

bool Pool::add(std::function<void()> work, std::size_t waiting_max) {
  std::vector<std::thread> ended;
  {
    const std::lock_guard lock{mutex_};
    if (ending_) return true;  // whoever asked is being cut off
    if (work_.size() >= free_ && threads_.size() >= threads_max_ && work_.size() - free_ >= waiting_max) return false;
    work_.push_back(std::move(work));
    if (work_.size() > free_ && threads_.size() < threads_max_) begin_thread();
    ended.swap(ended_);
  }
  posted_.notify_one();
  for (std::thread& thread : ended) thread.join();
  return true;
}

/// Under the lock.
void Pool::begin_thread() {
  try {
    std::thread thread{[this] { run(); }};
    const auto id = thread.get_id();
    threads_.emplace(id, std::move(thread));
  } catch (const std::system_error&) {
    if (threads_.empty()) throw;  // else those that there are do it, later
  }
}

void Pool::run() {
  std::unique_lock lock{mutex_};
  while (true) {
    ++free_;
    const bool in_time = posted_.wait_for(lock, idle_time_, [this] { return ending_ || !work_.empty(); });
    --free_;
    if (work_.empty() && (ending_ || !in_time)) break;
    auto work = std::move(work_.front());
    work_.pop_front();
    lock.unlock();
    try {
      work();
    } catch (const std::exception&) {
      // The server answers 500, as no one else has.
    }
    work = nullptr;  // what it holds may be long to destroy, or call back in here
    lock.lock();
  }
  const auto own = threads_.find(std::this_thread::get_id());
  ended_.push_back(std::move(own->second));
  threads_.erase(own);
  if (ending_) posted_.notify_all();
}

}  // namespace ratebook::api
