// Whose trace a request belongs to: the `traceparent` header of W3C Trace Context (Recommendation of 23 November 2021,
// section 3.2). It goes into the logs. Nothing is answered: the recommendation knows the header in requests only.
#pragma once
#include <optional>
#include <string_view>

#include "http/http.hpp"

namespace ratebook::http {

/// Views into the header.
struct TraceParent {
  std::string_view trace_id;   ///< 32 hexadecimal digits, not all zero
  std::string_view parent_id;  ///< 16, not all zero: the caller's span
};

/// nullopt: it is not valid, which counts as not sent. Of a version to come, what version 00 has is read.
std::optional<TraceParent> parse_trace_parent(std::string_view text);

/// Of a request that has exactly one.
std::optional<TraceParent> trace_parent(const Request& request);

}  // namespace ratebook::http
