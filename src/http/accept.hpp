// Content negotiation by the Accept header (RFC 9110, section 12.5.1).
#pragma once
#include <initializer_list>
#include <optional>
#include <string_view>

namespace ratebook::http {

/// Which of the offered media types (lower case, best first) the client likes best; no header: the first; nullopt: it
/// accepts none of them. Parameters other than q are ignored.
std::optional<std::string_view> prefers(std::optional<std::string_view> accept,
                                        std::initializer_list<std::string_view> offered);

}  // namespace ratebook::http
