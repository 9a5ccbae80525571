#include "api/query.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

namespace ratebook::api {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Query::Query(std::string_view text) : text_size_(text.size()) {
  while (!text.empty()) {
    const auto end = text.find('&');
    const auto parameter = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (parameter.empty()) continue;
    const auto equals = parameter.find('=');
    const auto name = decode(parameter.substr(0, equals));
    const auto value = decode(equals == std::string_view::npos ? std::string_view{} : parameter.substr(equals + 1));
    if (!name || !value) {
      problem_ = Problem{problems::bad_parameter,
                         fmt::format("'{}' has a '%' that two hexadecimal digits do not follow; write %25 for a '%'",
                                     parameter.substr(0, 80)),
                         {},
                         {}};
      return;
    }
    if (count_ == parameters_max) {
      problem_ =
          Problem{problems::bad_parameter, fmt::format("at most {} parameters are read", parameters_max), {}, {}};
      return;
    }
    parameters_[count_++] = {*name, *value};
  }
}

std::optional<std::string_view> Query::decode(std::string_view text) {
  if (text.find_first_of("%+") == std::string_view::npos) return text;
  // Reserved once for the whole: views into it stay valid.
  if (decoded_.capacity() < text_size_) decoded_.reserve(text_size_);
  const std::size_t begin = decoded_.size();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      decoded_ += ' ';
    } else if (text[i] == '%') {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
      if (low < 0) return std::nullopt;
      decoded_ += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      decoded_ += text[i];
    }
  }
  return std::string_view{decoded_}.substr(begin);
}

std::optional<std::string_view> Query::get(std::string_view name) const {
  for (std::size_t i = 0; i < count_; ++i) {
    if (parameters_[i].first == name) return parameters_[i].second;
  }
  return std::nullopt;
}

std::optional<Problem> Query::check(std::initializer_list<std::string_view> known) const {
  if (problem_) return problem_;
  for (std::size_t i = 0; i < count_; ++i) {
    const auto name = parameters_[i].first;
    if (std::ranges::find(known, name) == known.end()) {
      if (known.size() == 0) return bad_parameter(name.substr(0, 80), "this call takes no parameters; leave it out");
      const auto nearest =
          *std::ranges::min_element(known, {}, [&](auto other) { return edit_distance(name.substr(0, 80), other); });
      return bad_parameter(name.substr(0, 80), fmt::format("is not known here; the nearest that is: '{}'", nearest));
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (parameters_[j].first == name) return bad_parameter(name, "stands twice; keep one of them");
    }
  }
  return std::nullopt;
}

Problem bad_parameter(std::string_view name, std::string_view mend) {
  return {problems::bad_parameter, fmt::format("'{}': {}", name, mend), {}, {}};
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::size_t edit_distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  for (std::size_t j = 0; j <= to.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t change = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, change}));
    }
  }
  return row[to.size()];
}

}  // namespace ratebook::api
