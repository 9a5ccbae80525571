#include "api/small_body.hpp"

#include <fmt/format.h>

#include "api/headers.hpp"

namespace ratebook::api {
namespace {

Problem too_large(std::size_t bytes_max) {
  return {problems::too_large, fmt::format("it may have {} bytes", bytes_max), {}, {}};
}

}  // namespace

std::optional<Problem> SmallBody::refuse(const http::Request& request, std::size_t bytes_max) {
  if (media_type(request.header("Content-Type").value_or("")) != "application/json") {
    return Problem{problems::unsupported_type, "send Content-Type: application/json", {}, {}};
  }
  if (media_type(request.header("Content-Encoding").value_or("identity")) != "identity") {
    return Problem{problems::unsupported_encoding, "send the body without Content-Encoding", {}, {}};
  }
  if (request.content_length().value_or(0) > bytes_max) return too_large(bytes_max);
  return std::nullopt;
}

bool SmallBody::feed(std::string_view piece) {
  if (bytes_.size() + piece.size() > bytes_max_) {
    problem_ = too_large(bytes_max_);
  } else if (!memory_.try_take(piece.size())) {
    problem_ = Problem{problems::overloaded, "too many bodies are being read; send it again later", {}, {}};
  } else {
    bytes_ += piece;
  }
  return !problem_;
}

}  // namespace ratebook::api
