// `ratebook serve`: where it listens, as people write it. The server itself is passed in.
#include <fmt/format.h>

#include <charconv>

#include "cli/arguments.hpp"

namespace ratebook::cli {

std::string read_listen(const std::string& text, ServeOptions& options) {
  const auto wrong = fmt::format("--listen {}: write ADDRESS:PORT such as 127.0.0.1:8080 or [::1]:8080", text);
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return wrong;
  std::string address = text.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  } else if (address.contains(':')) {
    return wrong;  // an IPv6 address without brackets: where would its port begin?
  }
  std::uint16_t port = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + colon + 1, end, port);
  if (address.empty() || error != std::errc{} || at != end) return wrong;
  options.address = address;
  options.port = port;
  return {};
}

std::string refuse_beyond_loopback(const ServeOptions& options) {
  const std::string& address = options.address;
  if (options.open_to_everyone || address == "localhost" || address == "::1" || address.starts_with("127.")) return {};
  return fmt::format(
      "--listen {}: that is beyond loopback, where nothing keeps others from sending and retracting; say "
      "--open-to-everyone if that is meant, or listen on 127.0.0.1",
      address);
}

}  // namespace ratebook::cli
