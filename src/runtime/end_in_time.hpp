// The end of a process that nobody waits for an answer of any more: it waits for no engine that is silent. What it
// leaves behind is what a killed one leaves.
#pragma once
#include <chrono>
#include <functional>
#include <thread>

namespace ratebook {

/// Destroyed, it has nothing left to do: the process has ended by itself in time.
class EndInTime {
 public:
  /// `late` is told before the process ends without the rest of its destructors.
  explicit EndInTime(std::function<void()> late) : late_(std::move(late)) {}

  /// From now on the process has this long. Later calls change nothing. From one thread at a time.
  void begin(std::chrono::milliseconds time, int exit_code);

 private:
  std::function<void()> late_;
  std::jthread thread_;
};

}  // namespace ratebook
