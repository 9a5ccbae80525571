// A walk over the patterns: there are a dozen, and the length tells most of them apart.
#include "http/router.hpp"

#include <algorithm>
#include <stdexcept>

namespace ratebook::http {

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)) {
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const std::string& text = routes_[i].pattern;
    const std::size_t open = text.find('{');
    const std::size_t close = text.find('}');
    Pattern pattern;
    pattern.has_parameter = open != std::string::npos;
    pattern.prefix = text.substr(0, open);
    if (pattern.has_parameter) {
      const bool whole_segment = close != std::string::npos && open > 0 && text[open - 1] == '/' &&
                                 (close + 1 == text.size() || text[close + 1] == '/');
      if (!whole_segment || text.find('{', close) != std::string::npos) {
        throw std::invalid_argument{"a route's {…} is one whole segment, and there is one at most: " + text};
      }
      pattern.suffix = text.substr(close + 1);
    }
    const auto same = std::ranges::find_if(patterns_, [&](const Pattern& other) {
      return other.has_parameter == pattern.has_parameter && other.prefix == pattern.prefix &&
             other.suffix == pattern.suffix;
    });
    Pattern& kept = same == patterns_.end() ? patterns_.emplace_back(std::move(pattern)) : *same;
    kept.routes.push_back(i);
  }
  std::ranges::stable_partition(patterns_, [](const Pattern& pattern) { return !pattern.has_parameter; });
}

bool Router::Pattern::matches(std::string_view path, std::string_view& parameter) const {
  if (!has_parameter) return path == prefix;
  if (path.size() <= prefix.size() + suffix.size() || !path.starts_with(prefix) || !path.ends_with(suffix))
    return false;
  parameter = path.substr(prefix.size(), path.size() - prefix.size() - suffix.size());
  return parameter.find('/') == std::string_view::npos;
}

Router::Match Router::find(std::string_view method, std::string_view path) const {
  Match match;
  for (const Pattern& pattern : patterns_) {
    std::string_view parameter;
    if (!pattern.matches(path, parameter)) continue;
    const Route* instead_of_head = nullptr;
    for (const std::size_t i : pattern.routes) {
      if (routes_[i].method == method) return {&routes_[i], parameter, {}};
      if (method == "HEAD" && routes_[i].method == "GET") instead_of_head = &routes_[i];
    }
    if (instead_of_head != nullptr) return {instead_of_head, parameter, {}};
    for (const std::size_t i : pattern.routes) {
      match.allowed += match.allowed.empty() ? "" : ", ";
      match.allowed += routes_[i].method == "GET" ? "GET, HEAD" : routes_[i].method;
    }
  }
  return match;
}

}  // namespace ratebook::http
