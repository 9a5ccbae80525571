// Strings as JSON writes them.
#pragma once
#include <string>
#include <string_view>

namespace ratebook::http {

/// Appends `text` in double quotes, escaped as RFC 8259 asks. What is not UTF-8 becomes U+FFFD, so that the answer
/// parses whatever a client sent.
void append_json_string(std::string& out, std::string_view text);

}  // namespace ratebook::http
