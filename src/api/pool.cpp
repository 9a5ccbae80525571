#include "api/pool.hpp"

#include <utility>

namespace ratebook::api {

Pool::Pool(unsigned threads) {
  threads_.reserve(threads);
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

void Pool::finish() {
  {
    const std::lock_guard lock{mutex_};
    ending_ = true;
  }
  posted_.notify_all();
  threads_.clear();
}

void Pool::drop_waiting() {
  std::deque<std::function<void()>> dropped;  // destroyed without the lock
  const std::lock_guard lock{mutex_};
  dropped.swap(work_);
}

void Pool::post(std::function<void()> work) {
  {
    const std::lock_guard lock{mutex_};
    if (ending_) return;
    work_.push_back(std::move(work));
  }
  posted_.notify_one();
}

std::size_t Pool::waiting() const {
  const std::lock_guard lock{mutex_};
  return work_.size();
}

void Pool::run() {
  while (true) {
    std::function<void()> work;
    {
      std::unique_lock lock{mutex_};
      posted_.wait(lock, [this] { return ending_ || !work_.empty(); });
      if (work_.empty()) return;
      work = std::move(work_.front());
      work_.pop_front();
    }
    work();
  }
}

}  // namespace ratebook::api
