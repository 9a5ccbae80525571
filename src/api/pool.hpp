// A few threads for what becomes due later than its request: answers to those who waited, or that wait for the store.
// What is posted is bounded by who posts: each waiting request and each open stream at most once.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ratebook::api {

class Pool {
 public:
  explicit Pool(unsigned threads);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() { finish(); }

  /// Runs what was posted before, then ends; what is posted from now on is not run. From one thread.
  void finish();

  /// What was posted and has not begun is not run.
  void drop_waiting();

  void post(std::function<void()> work);
  std::size_t waiting() const;

 private:
  void run();

  mutable std::mutex mutex_;  ///< guards work_ and ending_
  std::condition_variable posted_;
  std::deque<std::function<void()>> work_;
  bool ending_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace ratebook::api
