// Settings from where people put them: flags over environment over file over defaults. Everything that is wrong is
// told at once, each with its place and how to mend it.
#pragma once
#include <expected>
#include <map>
#include <string>
#include <vector>

#include "settings/settings.hpp"

namespace ratebook::settings {

/// The variables of this process whose names begin with RATEBOOK_.
std::map<std::string, std::string> read_environment();

struct Inputs {
  std::map<std::string, std::string> flags;  ///< by the setting's key
  std::map<std::string, std::string> environment = read_environment();
  std::string file;  ///< must be there; empty: as RATEBOOK_CONFIG says, else the first of `usual_files` that is there
  std::vector<std::string> usual_files{"ratebook.toml", "/etc/ratebook/ratebook.toml"};
};

struct Loaded {
  Settings settings;
  std::string file;                            ///< that was read; empty: none
  std::map<std::string, std::string> origins;  ///< by key: `ratebook.toml:4`, a variable, a flag; no entry: the default
};

/// The error has a line for each thing that is wrong.
std::expected<Loaded, std::vector<std::string>> load(const Inputs& inputs);

}  // namespace ratebook::settings
