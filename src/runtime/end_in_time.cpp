#include "runtime/end_in_time.hpp"

#include <condition_variable>
#include <cstdlib>
#include <mutex>

namespace ratebook {

void EndInTime::begin(std::chrono::milliseconds time, int exit_code) {
  if (thread_.joinable()) return;
  thread_ = std::jthread{[this, time, exit_code](const std::stop_token& ended) {
    std::mutex mutex;
    std::condition_variable_any woken;
    std::unique_lock lock{mutex};
    woken.wait_for(lock, ended, time, [] { return false; });
    if (ended.stop_requested()) return;
    late_();
    std::_Exit(exit_code);
  }};
}

}  // namespace ratebook
