// Ends a wait for a socket from another thread (eventfd(2)).
#pragma once
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

namespace ratebook::postgres {

class Wake {
 public:
  ~Wake() { close(socket_); }
  Wake() = default;
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;

  void ring() const { (void)eventfd_write(socket_, 1); }
  void hush() const {
    eventfd_t rung = 0;
    (void)eventfd_read(socket_, &rung);
  }
  int socket() const { return socket_; }

 private:
  const int socket_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
};

}  // namespace ratebook::postgres
