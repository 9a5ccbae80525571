#include "settings/nearest.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace ratebook::settings {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = a[i - 1] == b[j - 1];
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last.swap(last);
    last.swap(row);
  }
  return last.back();
}

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  // Far longer than any setting is: nothing is near it, and comparing costs by its length.
  constexpr std::size_t length_max = 200;
  name = name.substr(0, length_max);
  std::string best;
  std::size_t best_distance = std::numeric_limits<std::size_t>::max();
  for (const auto& candidate : candidates) {
    std::size_t distance = edit_distance(name, candidate);
    const auto point = candidate.rfind('.');
    if (point != std::string::npos && !name.contains('.')) {
      distance = std::min(distance, edit_distance(name, std::string_view{candidate}.substr(point + 1)) + 1);
    }
    if (distance >= best_distance) continue;
    best = candidate;
    best_distance = distance;
  }
  return best;
}

}  // namespace ratebook::settings
