// Finds the most specific range for each offered type and takes the offer with the highest weight.
#include "http/accept.hpp"

#include <algorithm>

#include "http/text.hpp"

namespace ratebook::http {
namespace {

/// `0.5` as 500; what is no weight counts as 1000, as most servers have it.
int parse_weight(std::string_view text) {
  if (text.empty() || (text[0] != '0' && text[0] != '1')) return 1000;
  int weight = (text[0] - '0') * 1000;
  if (text.size() > 1 && text[1] != '.') return 1000;
  int unit = 100;
  for (const char c : text.substr(std::min<std::size_t>(text.size(), 2))) {
    if (c < '0' || c > '9') return 1000;
    weight += (c - '0') * unit;
    unit /= 10;
  }
  return std::min(weight, 1000);
}

struct Range {
  std::string_view media;
  int weight = 1000;
};

Range parse_range(std::string_view text) {
  Range range{trim(cut(text, ';'))};
  while (!text.empty()) {
    std::string_view value = cut(text, ';');
    const std::string_view name = trim(cut(value, '='));
    if (equal_ignoring_case(name, "q")) range.weight = parse_weight(trim(value));
  }
  return range;
}

/// 3: named, 2: `text/*`, 1: `*/*`, 0: no match.
int match(std::string_view range, std::string_view offer) {
  if (equal_ignoring_case(range, offer)) return 3;
  if (range == "*/*") return 1;
  if (!range.ends_with("/*")) return 0;
  range.remove_suffix(1);
  return equal_ignoring_case(range, offer.substr(0, range.size())) ? 2 : 0;
}

int weight_of(std::string_view accept, std::string_view offer) {
  int best_match = 0;
  int weight = 0;
  while (!accept.empty()) {
    const Range range = parse_range(cut(accept, ','));
    const int matched = match(range.media, offer);
    if (matched <= best_match) continue;
    best_match = matched;
    weight = range.weight;
  }
  return weight;
}

}  // namespace

std::optional<std::string_view> prefers(std::optional<std::string_view> accept,
                                        std::initializer_list<std::string_view> offered) {
  if (offered.size() == 0) return std::nullopt;
  if (!accept || trim(*accept).empty()) return *offered.begin();
  std::optional<std::string_view> best;
  int best_weight = 0;
  for (const std::string_view offer : offered) {
    const int weight = weight_of(*accept, offer);
    if (weight <= best_weight) continue;
    best_weight = weight;
    best = offer;
  }
  return best;
}

}  // namespace ratebook::http
