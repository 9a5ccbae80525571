// Random questions for rates that two services can both be asked, edge cases among them. The same seed gives the same
// questions, on any machine.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/day.hpp"
#include "model/places.hpp"

namespace ratebook::cli {

/// The parameters of one GET /rates, in order.
using Question = std::vector<std::pair<std::string, std::string>>;

struct QuestionScope {
  std::vector<std::string> ports;    ///< codes, at least one
  std::vector<std::string> regions;  ///< slugs
  Day from;                          ///< the days that have prices
  Day to;
};

/// What an edge case every tenth or so looks like: an unknown code, days without prices, from after to, a date that is
/// none, a parameter that is missing.
std::vector<Question> make_questions(const QuestionScope& scope, std::uint64_t seed, std::size_t count);

}  // namespace ratebook::cli
