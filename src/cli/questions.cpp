#include "cli/questions.hpp"

#include <algorithm>
#include <random>

namespace ratebook::cli {
namespace {

class Maker {
 public:
  Maker(const QuestionScope& scope, std::uint64_t seed) : scope_(scope), random_(seed) {}

  Question next() {
    const auto kind = below(10);
    // Regions are the hard part: they come as often as ports.
    std::string orig = place();
    std::string dest = place();
    const auto days = static_cast<std::uint64_t>(scope_.to.since_1970 - scope_.from.since_1970) + 1;
    Day from{scope_.from.since_1970 + static_cast<std::int32_t>(below(days))};
    Day to = std::min(scope_.to, Day{from.since_1970 + static_cast<std::int32_t>(below(31))});
    if (kind == 0) return edge(std::move(orig), std::move(dest), from, to);
    if (kind == 1) from = to;
    return question(std::move(orig), std::move(dest), format_day(from), format_day(to));
  }

 private:
  // Not a distribution of the library's: those differ from one to the next.
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  const std::string& one_of(const std::vector<std::string>& names) { return names[below(names.size())]; }
  std::string place() {
    return scope_.regions.empty() || below(2) == 0 ? one_of(scope_.ports) : one_of(scope_.regions);
  }

  static Question question(std::string orig, std::string dest, std::string from, std::string to) {
    return {{"date_from", std::move(from)},
            {"date_to", std::move(to)},
            {"orig_code", std::move(orig)},
            {"dest_code", std::move(dest)}};
  }

  Question edge(std::string orig, std::string dest, Day from, Day to) {
    switch (below(6)) {
      case 0:
        return question("ZZZZZ", std::move(dest), format_day(from), format_day(to));
      case 1:
        return question(std::move(orig), "no_such_region", format_day(from), format_day(to));
      case 2:  // before the first day with prices, and into them
        return question(std::move(orig), std::move(dest), format_day(Day{scope_.from.since_1970 - 5}), format_day(to));
      case 3:
        return question(std::move(orig), std::move(dest), format_day(Day{to.since_1970 + 1}), format_day(from));
      case 4:
        return question(std::move(orig), std::move(dest), "2021-02-30", format_day(to));
      default:
        auto asked = question(std::move(orig), std::move(dest), format_day(from), format_day(to));
        asked.erase(asked.begin() + static_cast<std::ptrdiff_t>(below(4)));
        return asked;
    }
  }

  const QuestionScope& scope_;
  std::mt19937_64 random_;  // its numbers are the standard's
};

}  // namespace

std::vector<Question> make_questions(const QuestionScope& scope, std::uint64_t seed, std::size_t count) {
  Maker maker{scope, seed};
  std::vector<Question> questions;
  for (std::size_t i = 0; i < count; ++i) questions.push_back(maker.next());
  return questions;
}

}  // namespace ratebook::cli
