// Settings from where people put them: flags over environment over file over defaults. Everything that is wrong is
// told at once, each with its place and how to mend it.
#pragma once
#include <expected>
#include <map>
#include <string>
#include <vector>

#include "settings/inputs.hpp"
#include "settings/settings.hpp"

namespace ratebook::settings {

struct Loaded {
  Settings settings;
  std::string file;                            ///< that was read; empty: none
  std::map<std::string, std::string> origins;  ///< by key: `ratebook.toml:4`, a variable, a flag; no entry: the default
};

/// The error has a line for each thing that is wrong.
std::expected<Loaded, std::vector<std::string>> load(const Inputs& inputs);

}  // namespace ratebook::settings
