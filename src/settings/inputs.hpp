// Where settings come from. Apart from load.hpp: the words of the command line collect these and need no Settings,
// whose header takes a second to compile.
#pragma once
#include <map>
#include <string>
#include <vector>

namespace ratebook::settings {

/// The variables of this process whose names begin with RATEBOOK_.
std::map<std::string, std::string> read_environment();

struct Inputs {
  std::map<std::string, std::string> flags;  ///< by the setting's key
  std::map<std::string, std::string> environment = read_environment();
  std::string file;  ///< must be there; empty: as RATEBOOK_CONFIG says, else the first of `usual_files` that is there
  std::vector<std::string> usual_files{"ratebook.toml", "/etc/ratebook/ratebook.toml"};
};

}  // namespace ratebook::settings
