// A task that is asked to stop and waited for where its owner ends: std::jthread, by the means of a Runtime.
#pragma once
#include <functional>
#include <stop_token>
#include <utility>

#include "runtime/runtime.hpp"

namespace ratebook {

class Task {
 public:
  Task(const Runtime& runtime, std::function<void(const std::stop_token&)> body)
      : join_(runtime.spawn([body = std::move(body), stop = stop_.get_token()] { body(stop); })) {}
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() { end(); }

  /// Asks it to stop and waits until it has; once.
  void end() {
    stop_.request_stop();
    if (const Join join = std::exchange(join_, nullptr)) join();
  }

 private:
  std::stop_source stop_;
  Join join_;
};

}  // namespace ratebook
