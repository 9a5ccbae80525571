// Whether it is worth asking an engine that was silent a moment ago (a circuit breaker, as in Nygard's Release It!):
// while it is, one question at a time waits for it, and all others are refused at once.
#pragma once
#include <atomic>

#include "runtime/runtime.hpp"

namespace ratebook {

/// Thread-safe.
class Breaker {
 public:
  /// `rest`: between two questions that try it.
  explicit Breaker(Duration rest) : rest_(rest) {}

  bool lets_through(BootTime now) {
    BootTime until = closed_until_.load();
    // The first after the rest tries it, and the others rest on.
    return until == BootTime{} || (now >= until && closed_until_.compare_exchange_strong(until, now + rest_));
  }
  void answered() {
    if (closed_until_.load() != BootTime{}) closed_until_ = BootTime{};
  }
  void was_silent(BootTime now) { closed_until_ = now + rest_; }

 private:
  const Duration rest_;
  std::atomic<BootTime> closed_until_{BootTime{}};
};

}  // namespace ratebook
