// What people read of the settings: those that hold, the example file, the table of the reference.
#pragma once
#include <string>

#include "settings/load.hpp"

namespace ratebook::settings {

/// As TOML, with where each came from behind it.
std::string held(const Loaded& loaded);
/// {"file","settings":[{"key","value","from","flag","variable","default"}]}
std::string held_json(const Loaded& loaded);

/// Every setting with its meaning, what it takes and its default, commented out: packaging/ratebook.toml.
std::string example_file();
/// As Markdown: docs/reference/settings.md holds it.
std::string reference_table();

}  // namespace ratebook::settings
