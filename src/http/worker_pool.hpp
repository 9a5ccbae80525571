// Threads for work that may block, behind one bounded queue.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ratebook::http {

class WorkerPool {
 public:
  using Task = std::move_only_function<void()>;

  WorkerPool(unsigned threads, std::size_t queue_max);
  ~WorkerPool();

  /// New work, done if the queue has room (false: it has not), and dropped if the pool stops before it has begun.
  [[nodiscard]] bool try_push(Task task);
  /// The next step of work that was let in before: always taken (callers have one such step at a time for each
  /// connection, which bounds them), and done even while the pool stops.
  void push(Task task);
  /// Does what must be done and joins the threads. What is pushed after it is never done.
  void stop();

 private:
  struct Entry {
    Task task;
    bool droppable = false;
  };

  void work();

  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<Entry> queue_;
  const std::size_t queue_max_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace ratebook::http
