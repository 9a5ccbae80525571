// Tasks for what becomes due later than its request: answers to those who waited, or what waits for an engine. On a
// machine each is a thread. One begins when there is work that no other one is free for, and ends when it has had none
// for a while: a pool of many threads costs nothing while nobody waits.
#pragma once
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <limits>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "runtime/runtime.hpp"

namespace ratebook::api {

class Pool {
 public:
  /// `threads`: at most so many at once. `waiting_max`: what try_post() lets wait for one of them.
  explicit Pool(const Runtime& runtime, unsigned threads,
                std::size_t waiting_max = std::numeric_limits<std::size_t>::max(),
                std::chrono::milliseconds idle_time = std::chrono::seconds{10});
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() { finish(); }

  /// Runs what was posted before, then ends; what is posted from now on is not run. From one thread.
  void finish();

  /// What was posted and has not begun is not run.
  void drop_waiting();

  /// For what is bounded by who posts: each waiting request and each open stream at most once.
  void post(std::function<void()> work);
  /// False: too much waits already.
  [[nodiscard]] bool try_post(std::function<void()> work);
  std::size_t waiting() const;
  std::size_t thread_count() const;

 private:
  struct Worker {
    Signal woken;
    Join join;
  };
  using Workers = std::list<std::unique_ptr<Worker>>;

  bool add(std::function<void()> work, std::size_t waiting_max);
  void begin_worker();
  void run(Workers::iterator own);
  std::function<void()> next_work(Workers::iterator own);

  const Runtime& runtime_;
  const unsigned threads_max_;
  const std::size_t waiting_max_;
  const std::chrono::milliseconds idle_time_;
  mutable std::mutex mutex_;  ///< guards all below
  std::deque<std::function<void()>> work_;
  std::size_t free_ = 0;        ///< workers that wait for work
  std::deque<Worker*> asleep_;  ///< those of them that nobody has woken
  bool ending_ = false;
  Workers workers_;
  Workers ended_;  ///< to be joined
};

}  // namespace ratebook::api
