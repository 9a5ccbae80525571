// A lock that is given in the order in which it is asked for: whoever takes it again and again, as a writer that stages
// a large batch does, makes everyone else wait for one turn only.
#pragma once
#include <condition_variable>
#include <deque>
#include <mutex>

namespace ratebook::sqlite {

class TurnQueue {
 public:
  void lock() {
    std::unique_lock lock{mutex_};
    if (!taken_) {
      taken_ = true;
      return;
    }
    Waiter me;
    waiters_.push_back(&me);
    me.called.wait(lock, [&me] { return me.is_next; });
  }

  void unlock() {
    const std::lock_guard lock{mutex_};
    if (waiters_.empty()) {
      taken_ = false;
      return;
    }
    Waiter* next = waiters_.front();
    waiters_.pop_front();
    next->is_next = true;
    // Under the lock: as soon as it is let go, the waiter may be gone.
    next->called.notify_one();
  }

 private:
  struct Waiter {
    std::condition_variable called;
    bool is_next = false;
  };
  std::mutex mutex_;
  bool taken_ = false;
  std::deque<Waiter*> waiters_;
};

}  // namespace ratebook::sqlite
