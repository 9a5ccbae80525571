#include "runtime/service_manager.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace ratebook {
namespace {

constexpr int first_descriptor = 3;  // SD_LISTEN_FDS_START

std::string take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string taken = value == nullptr ? "" : value;
  ::unsetenv(name);  // NOLINT(concurrency-mt-unsafe): before there are threads
  return taken;
}

bool is_listening_stream(int descriptor) {
  int is_listening = 0, type = 0;
  socklen_t length = sizeof is_listening;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &length) != 0) return false;
  length = sizeof type;
  return ::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && is_listening != 0 && type == SOCK_STREAM;
}

/// Of an IPv4 or IPv6 socket.
std::optional<InheritedSocket> describe(int descriptor) {
  sockaddr_in6 at{};
  socklen_t length = sizeof at;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&at), &length) != 0) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* address = &at.sin6_addr;
  sockaddr_in at4{};
  if (at.sin6_family == AF_INET) {
    std::memcpy(&at4, &at, sizeof at4);
    address = &at4.sin_addr;
  } else if (at.sin6_family != AF_INET6) {
    return std::nullopt;
  }
  if (::inet_ntop(at.sin6_family, address, text.data(), text.size()) == nullptr) return std::nullopt;
  return InheritedSocket{descriptor, text.data(), ntohs(at.sin6_port)};
}

}  // namespace

Result<std::optional<InheritedSocket>> take_inherited_socket() {
  const std::string process = take_variable("LISTEN_PID");
  const std::string count = take_variable("LISTEN_FDS");
  take_variable("LISTEN_FDNAMES");
  if (count.empty() || process != std::to_string(::getpid())) return std::nullopt;
  if (count != "1") {
    return fail(Failure::refused,
                fmt::format("{} sockets are handed over: give one ListenStream= to this service", count));
  }
  ::fcntl(first_descriptor, F_SETFD, FD_CLOEXEC);
  auto found = is_listening_stream(first_descriptor) ? describe(first_descriptor) : std::nullopt;
  if (found) return found;
  return fail(Failure::refused,
              "the socket that is handed over does not listen on TCP: write ListenStream=ADDRESS:PORT");
}

bool has_service_manager() { return std::getenv("NOTIFY_SOCKET") != nullptr; }

void tell_service_manager(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un at{.sun_family = AF_UNIX, .sun_path = {}};
  if (path == nullptr || *path == '\0' || std::strlen(path) >= sizeof at.sun_path) return;
  std::strcpy(at.sun_path, path);
  if (at.sun_path[0] == '@') at.sun_path[0] = '\0';  // an abstract name
  const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  static_cast<void>(
      ::sendto(descriptor, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&at), length));
  ::close(descriptor);
}

}  // namespace ratebook
