// Which known name somebody may have meant.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ratebook::settings {

/// Least number of insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate with the least distance to `name`, the first of several; a name without a section is compared with the
/// last part of each, too. Empty where there are none.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace ratebook::settings
