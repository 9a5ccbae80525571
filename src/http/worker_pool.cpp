// One lock, one queue: its tasks take far longer than the lock.
#include "http/worker_pool.hpp"

#include <algorithm>

namespace ratebook::http {

WorkerPool::WorkerPool(unsigned threads, std::size_t queue_max) : queue_max_(queue_max) {
  for (unsigned i = 0; i < std::max(threads, 1U); ++i) threads_.emplace_back([this] { work(); });
}

WorkerPool::~WorkerPool() { stop(); }

bool WorkerPool::try_push(Task task) {
  {
    const std::lock_guard lock{mutex_};
    if (stopping_ || queue_.size() >= queue_max_) return false;
    queue_.push_back({std::move(task), true});
  }
  filled_.notify_one();
  return true;
}

void WorkerPool::push(Task task) {
  {
    const std::lock_guard lock{mutex_};
    queue_.push_back({std::move(task), false});
  }
  filled_.notify_one();
}

void WorkerPool::stop() {
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    threads.swap(threads_);
  }
  filled_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

void WorkerPool::work() {
  std::unique_lock lock{mutex_};
  while (true) {
    filled_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Entry entry = std::move(queue_.front());
    queue_.pop_front();
    const bool drop = stopping_ && entry.droppable;
    lock.unlock();
    if (!drop) entry.task();
    entry.task = nullptr;  // what it holds may be long to destroy, or call back in here
    lock.lock();
  }
}

}  // namespace ratebook::http
