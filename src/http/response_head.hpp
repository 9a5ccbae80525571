// Status line and header fields as they go over the wire.
#pragma once
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "http/http.hpp"

namespace ratebook::http {

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7).
std::string format_date(std::chrono::sys_seconds time);

enum class Ending { keep_alive, keep_alive_said, close };

/// What the server, not the handler, puts into a head.
struct HeadFields {
  std::string_view date;
  std::string_view request_id;
  Ending ending = Ending::keep_alive;  ///< keep_alive_said: as an HTTP/1.0 client needs to hear it
  std::optional<std::size_t> content_length = std::nullopt;
  bool chunked = false;
};

/// Appends the head with its empty line. Line breaks in a handler's header fields become spaces.
void append_head(std::string& out, const Response& response, const HeadFields& fields);

/// Whether a response of this status has a body at all.
constexpr bool has_body(unsigned status) { return status >= 200 && status != 204 && status != 304; }

}  // namespace ratebook::http
