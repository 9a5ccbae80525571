// A lock for long turns. Whoever is awake may take it, which keeps short turns from costing a change of threads each;
// but whoever waits is passed by a few times only, so that a writer that stages a large batch shuts nobody out.
#pragma once
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

namespace ratebook::sqlite {

class TurnQueue {
 public:
  static constexpr int passed_by_max = 8;

  void lock() {
    std::unique_lock lock{mutex_};
    if (taken_) {
      wait(lock);
    } else {
      taken_ = true;
    }
  }

  bool try_lock() {
    const std::lock_guard lock{mutex_};
    return !std::exchange(taken_, true);
  }

  void unlock() {
    const std::lock_guard lock{mutex_};
    if (waiters_.empty()) {
      taken_ = false;
      return;
    }
    Waiter* first = waiters_.front();
    first->is_called = ++first->passed_by > passed_by_max;
    if (first->is_called) {
      waiters_.pop_front();
    } else {
      taken_ = false;
    }
    // Under the lock: as soon as it is let go, the waiter may be gone.
    first->woken.notify_one();
  }

  std::size_t waiting() {
    const std::lock_guard lock{mutex_};
    return waiters_.size();
  }

 private:
  struct Waiter {
    std::condition_variable woken;
    int passed_by = 0;
    bool is_called = false;  ///< has the lock without taking it
  };

  void wait(std::unique_lock<std::mutex>& lock) {
    Waiter me;
    waiters_.push_back(&me);
    me.woken.wait(lock, [&] { return me.is_called || !taken_; });
    if (me.is_called) return;
    std::erase(waiters_, &me);
    taken_ = true;
  }

  std::mutex mutex_;
  bool taken_ = false;
  std::deque<Waiter*> waiters_;  ///< who has waited longest comes first
};

}  // namespace ratebook::sqlite
