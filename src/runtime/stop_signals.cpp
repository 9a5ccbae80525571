#include "runtime/stop_signals.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
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

namespace {

/// A descriptor that is closed at the end.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { ::close(number_); }
  int number() const { return number_; }

 private:
  int number_;
};

/// The next signal. 0: `ended` can be read, and no signal waits.
int wait_for_signal(const Descriptor& signals, const Descriptor& ended) {
  pollfd both[] = {{signals.number(), POLLIN, 0}, {ended.number(), POLLIN, 0}};
  while (::poll(both, 2, -1) < 0 && errno == EINTR) continue;
  signalfd_siginfo got{};
  if ((both[0].revents & POLLIN) == 0 || ::read(signals.number(), &got, sizeof got) != sizeof got) return 0;
  return static_cast<int>(got.ssi_signo);
}

}  // namespace

std::jthread StopSignals::on_stop(std::function<void()> stop, std::function<void()> reread) const {
  return std::jthread{
      [signals = signals_, stop = std::move(stop), reread = std::move(reread)](const std::stop_token& token) {
        const Descriptor waiting{::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK)};
        const Descriptor ended{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
        // Woken, not asked now and then: nothing waits for this thread at the end.
        const std::stop_callback wake{token, [&] { static_cast<void>(::eventfd_write(ended.number(), 1)); }};
        bool stopping = false;
        while (!token.stop_requested()) {
          const int signal = wait_for_signal(waiting, ended);
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
