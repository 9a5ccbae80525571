// What handlers use that is more than a declaration.
#include "http/http.hpp"

#include <fmt/format.h>

#include "http/text.hpp"
#include "json/writer.hpp"

namespace ratebook::http {

std::optional<std::string_view> Request::header(std::string_view name) const {
  for (const auto& [sent, value] : headers_) {
    if (equal_ignoring_case(sent, name)) return value;
  }
  return std::nullopt;
}

void Response::clear() {
  status = 200;
  content_type = {};
  headers.clear();
  body.clear();
  pieces = nullptr;
  lane = std::nullopt;
}

Response problem(unsigned status, std::string_view type, std::string_view title, std::string_view detail) {
  Response response;
  response.status = status;
  response.content_type = "application/problem+json";
  std::string& body = response.body;
  body = R"({"type":)";
  json::append_string(body, fmt::format("/problems/{}", type));
  body += R"(,"title":)";
  json::append_string(body, title);
  body += fmt::format(R"(,"status":{})", status);
  if (!detail.empty()) {
    body += R"(,"detail":)";
    json::append_string(body, detail);
  }
  body += "}\n";
  return response;
}

}  // namespace ratebook::http
