#include "http/trace_context.hpp"

#include <algorithm>

#include "http/text.hpp"

namespace ratebook::http {
namespace {

constexpr std::size_t trace_id_at = 3, trace_id_digits = 32;
constexpr std::size_t parent_id_at = 36, parent_id_digits = 16;
constexpr std::size_t flags_at = 53;
constexpr std::size_t length_00 = 55;

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_id(std::string_view text) {
  return is_hex(text) && !std::ranges::all_of(text, [](char c) { return c == '0'; });
}

}  // namespace

std::optional<TraceParent> parse_trace_parent(std::string_view text) {
  if (text.size() < length_00) return std::nullopt;
  const std::string_view version = text.substr(0, 2);
  if (!is_hex(version) || version == "ff") return std::nullopt;
  if (text.size() > length_00 && (version == "00" || text[length_00] != '-')) return std::nullopt;
  for (const std::size_t dash : {trace_id_at, parent_id_at, flags_at}) {
    if (text[dash - 1] != '-') return std::nullopt;
  }
  const TraceParent found{text.substr(trace_id_at, trace_id_digits), text.substr(parent_id_at, parent_id_digits)};
  if (!is_id(found.trace_id) || !is_id(found.parent_id) || !is_hex(text.substr(flags_at, 2))) return std::nullopt;
  return found;
}

std::optional<TraceParent> trace_parent(const Request& request) {
  std::optional<std::string_view> only;
  for (const auto& [name, value] : request.headers_) {
    if (!equal_ignoring_case(name, "traceparent")) continue;
    if (only) return std::nullopt;
    only = value;
  }
  return only ? parse_trace_parent(*only) : std::nullopt;
}

}  // namespace ratebook::http
