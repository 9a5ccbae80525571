// SIGTERM and SIGINT as a call: made before other threads, so that they inherit the mask and none of them is
// interrupted.
#pragma once
#include <csignal>
#include <functional>
#include <thread>

namespace ratebook {

class StopSignals {
 public:
  /// From here on both signals wait, and SIGPIPE is ignored.
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// As long as the thread that comes back: calls `stop` on it for the first signal; a second one ends the process at
  /// once.
  [[nodiscard]] std::jthread on_stop(std::function<void()> stop) const;

 private:
  sigset_t signals_;
};

}  // namespace ratebook
