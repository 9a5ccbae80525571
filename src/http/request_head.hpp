// The first part of a request, from the request line to the empty line: parsed by Beast, and held to RFC 9112 where
// leniency would let two servers in a row read one message differently.
#pragma once
#include <cstddef>
#include <expected>
#include <optional>
#include <string_view>

#include "http/http.hpp"

namespace ratebook::http {

struct Head {
  bool keep_alive = false;
  bool is_http_1_1 = false;
  bool chunked = false;  ///< the body comes in chunks; else it has Request::content_length() bytes, or there is none
  bool expects_continue = false;
  std::optional<std::string_view> host;  ///< as sent; HTTP/1.0 may come without
};

inline bool brings_body(const Request& request, const Head& head) {
  return head.chunked || request.content_length_.value_or(0) > 0;
}

/// How long the head at the start of `bytes` is, with its empty line; nullopt: it is not all there. The first `scanned`
/// bytes are known to hold no end.
std::optional<std::size_t> find_head_end(std::string_view bytes, std::size_t scanned);

/// Fills `request` with views into `head` (a whole one; find_head_end()), except for what the connection knows. The
/// error is the answer: 400, 414, 417, 431, 501 or 505; the connection cannot be used after it.
std::expected<Head, Response> parse_head(std::string_view head, std::size_t target_bytes_max, Request& request);

/// The answer to a head that is longer than allowed: 414 where it is the target that is, else 431.
Response head_too_long(std::string_view bytes, std::size_t target_bytes_max);

}  // namespace ratebook::http
