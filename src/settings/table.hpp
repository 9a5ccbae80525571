// The one table of all settings. A new one is a field of an options struct with its default, and a line in table.cpp:
// file, flags, environment, `ratebook config` and the documents take it from there.
#pragma once
#include <string_view>
#include <vector>

#include "settings/row.hpp"
#include "settings/settings.hpp"

namespace ratebook::settings {

/// Rows that read and write `settings`, which must outlive them; those without a section come first.
Rows table(Settings& settings);

/// Variables that begin as settings do and are none: read by the client words, by ./dev and by tests.
bool is_other_variable(std::string_view name);

/// What is wrong between two settings that are right each by itself; empty: nothing.
std::vector<std::string> contradictions(const Settings& settings);

}  // namespace ratebook::settings
