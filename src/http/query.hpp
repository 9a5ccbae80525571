// The part of a target behind '?', as names and values.
#pragma once
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ratebook::http {

/// `a=1&b=x%20y` in the order sent, decoded; '+' is a space; a name without '=' has an empty value; names may repeat.
/// The error says in words for people what cannot be decoded.
std::expected<std::vector<std::pair<std::string, std::string>>, std::string> parse_query(std::string_view query);

}  // namespace ratebook::http
