// SIGTERM and SIGINT, and on request SIGHUP, as calls: made before other threads, so that they inherit the mask and
// none of them is interrupted.
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

  /// From here on SIGHUP waits, too; without this it ends the process. As early as the constructor.
  void hold_reread();
  /// As long as the thread that comes back: calls `stop` on it for the first signal to stop; a second one ends the
  /// process at once. `reread` is called for each SIGHUP, if it is held.
  [[nodiscard]] std::jthread on_stop(std::function<void()> stop, std::function<void()> reread = {}) const;

 private:
  sigset_t signals_;
};

}  // namespace ratebook
