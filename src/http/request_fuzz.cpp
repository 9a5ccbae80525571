// Any bytes as a request: the head, and then a body in chunks, read in pieces of any length. The first byte of the
// input is that length. What is accepted has no control byte where a log or another server would read it.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "http/chunked_body.hpp"
#include "http/request_head.hpp"

namespace ratebook::http {
namespace {

bool is_clean(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return c == '\0' || c == '\r' || c == '\n'; });
}

/// The body that the bytes hold, or nothing where it is malformed or does not end.
std::optional<std::string> body_of(std::string_view bytes, std::size_t piece_bytes) {
  ChunkedBody chunked;
  std::string body;
  while (!bytes.empty()) {
    std::string_view input = bytes.substr(0, piece_bytes);
    const std::size_t given = input.size();
    std::string piece;
    const auto progress = chunked.take(input, piece, 4096);
    body += piece;
    bytes.remove_prefix(given - input.size());
    if (progress == ChunkedBody::Progress::malformed) return std::nullopt;
    if (progress == ChunkedBody::Progress::done) return body;
  }
  return std::nullopt;
}

}  // namespace
}  // namespace ratebook::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ratebook::http;
  if (size == 0) return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data + 1), size - 1};
  const auto end = find_head_end(bytes, 0);
  if (!end) {
    (void)head_too_long(bytes, 64);
    return 0;
  }
  Request request;
  const auto head = parse_head(bytes.substr(0, *end), 8192, request);
  if (!head) return head.error().status < 400 ? std::abort(), 0 : 0;
  if (!is_clean(request.path()) || !is_clean(request.query())) std::abort();
  for (const auto& [name, value] : request.headers_) {
    if (!is_clean(name) || !is_clean(value)) std::abort();
  }
  if (head->chunked && request.content_length()) std::abort();
  const auto rest = bytes.substr(*end);
  if (body_of(rest, data[0] + std::size_t{1}) != body_of(rest, rest.size())) std::abort();
  return 0;
}
