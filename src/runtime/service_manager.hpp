// What a service manager such as systemd hands over and is told: a socket that listens already, sd_listen_fds(3), and
// how the service stands, sd_notify(3). Both are contracts of the environment, so no library is needed.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/error.hpp"

namespace ratebook {

struct InheritedSocket {
  int descriptor = -1;
  std::string address;  ///< as it listens: `127.0.0.1`, `::`
  std::uint16_t port = 0;
};

/// nullopt: none was handed over to this process. Call once, before there are threads: it takes the variables out of
/// the environment, so that no child believes that they are its own.
Result<std::optional<InheritedSocket>> take_inherited_socket();

/// Whether one is told: NOTIFY_SOCKET.
bool has_service_manager();

/// `READY=1`, `STOPPING=1`. Does nothing where nobody wants to know.
void tell_service_manager(std::string_view state);

}  // namespace ratebook
