// A bounded number of places, first come, first served: whoever has waited longest gets the next one, also where others
// come again and again and are awake (rule 22). A wait has an end.
#pragma once
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>

namespace ratebook {

/// Thread-safe.
class FirstCome {
 public:
  explicit FirstCome(std::size_t places) : free_(places) {}
  FirstCome(const FirstCome&) = delete;
  FirstCome& operator=(const FirstCome&) = delete;

  /// True: there is a place, to be given back by leave(). False: none came free in time.
  bool enter(std::chrono::nanoseconds at_most) {
    std::unique_lock lock{mutex_};
    if (waiters_.empty() && free_ > 0) {
      --free_;
      return true;
    }
    Waiter me;
    waiters_.push_back(&me);
    if (me.woken.wait_for(lock, at_most, [&] { return me.has_place; })) return true;
    std::erase(waiters_, &me);
    return false;
  }

  void leave() {
    const std::lock_guard lock{mutex_};
    if (waiters_.empty()) {
      ++free_;
      return;
    }
    Waiter* first = waiters_.front();
    waiters_.pop_front();
    first->has_place = true;
    // Under the lock: as soon as it is let go, the waiter may be gone.
    first->woken.notify_one();
  }

  std::size_t free() const {
    const std::lock_guard lock{mutex_};
    return free_;
  }
  std::size_t waiting() const {
    const std::lock_guard lock{mutex_};
    return waiters_.size();
  }

 private:
  struct Waiter {
    std::condition_variable woken;
    bool has_place = false;
  };

  mutable std::mutex mutex_;
  std::size_t free_;
  std::deque<Waiter*> waiters_;  ///< who has waited longest comes first
};

}  // namespace ratebook
