#include "runtime/stop_signals.hpp"

#include <cstdlib>
#include <ctime>
#include <utility>

namespace ratebook {

StopSignals::StopSignals() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGTERM);
  sigaddset(&signals_, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

void StopSignals::hold_reread() {
  sigaddset(&signals_, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
}

std::jthread StopSignals::on_stop(std::function<void()> stop, std::function<void()> reread) const {
  return std::jthread{
      [signals = signals_, stop = std::move(stop), reread = std::move(reread)](const std::stop_token& ended) {
        bool stopping = false;
        while (!ended.stop_requested()) {
          const timespec at_most{.tv_sec = 0, .tv_nsec = 100'000'000};
          const int signal = sigtimedwait(&signals, nullptr, &at_most);
          if (signal <= 0) continue;
          if (signal == SIGHUP) {
            if (reread) reread();
            continue;
          }
          if (std::exchange(stopping, true)) std::_Exit(128 + signal);
          stop();
        }
      }};
}

}  // namespace ratebook
