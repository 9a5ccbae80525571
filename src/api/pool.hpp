// Threads for what becomes due later than its request: answers to those who waited, or what waits for an engine. A
// thread begins when there is work that no other one is free for, and ends when it has had none for a while: a pool of
// many threads costs nothing while nobody waits.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace ratebook::api {

class Pool {
 public:
  /// `threads`: at most so many at once. `waiting_max`: what try_post() lets wait for one of them.
  explicit Pool(unsigned threads, std::size_t waiting_max = std::numeric_limits<std::size_t>::max(),
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
  bool add(std::function<void()> work, std::size_t waiting_max);
  void begin_thread();
  void run();

  const unsigned threads_max_;
  const std::size_t waiting_max_;
  const std::chrono::milliseconds idle_time_;
  mutable std::mutex mutex_;  ///< guards all below
  std::condition_variable posted_;
  std::deque<std::function<void()>> work_;
  std::size_t free_ = 0;  ///< threads that wait for work
  bool ending_ = false;
  std::map<std::thread::id, std::thread> threads_;
  std::vector<std::thread> ended_;  ///< to be joined
};

}  // namespace ratebook::api
