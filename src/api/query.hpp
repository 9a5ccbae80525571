// The query of a URL, taken apart once: names and values, percent-decoded, without allocating where nothing is encoded.
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "api/problems.hpp"

namespace ratebook::api {

class Query {
 public:
  static constexpr std::size_t parameters_max = 16;

  /// `text` must live as long as the query.
  explicit Query(std::string_view text);
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  /// What cannot be read: a bad escape, more than parameters_max parameters.
  const std::optional<Problem>& problem() const { return problem_; }

  /// The first of that name, decoded; nullopt: none.
  std::optional<std::string_view> get(std::string_view name) const;

  /// problem(), or that a parameter is not among `known` (naming the nearest of them), or that one stands twice.
  std::optional<Problem> check(std::initializer_list<std::string_view> known) const;

 private:
  std::optional<std::string_view> decode(std::string_view text);

  std::array<std::pair<std::string_view, std::string_view>, parameters_max> parameters_;
  std::size_t count_ = 0;
  std::string decoded_;
  std::size_t text_size_;
  std::optional<Problem> problem_;
};

/// A problem::bad_parameter that names the parameter and says how to mend it.
Problem bad_parameter(std::string_view name, std::string_view mend);

/// Decimal digits only; nullopt for anything else and for what does not fit.
std::optional<std::uint64_t> parse_number(std::string_view text);

/// The Levenshtein distance in bytes.
std::size_t edit_distance(std::string_view from, std::string_view to);

}  // namespace ratebook::api
