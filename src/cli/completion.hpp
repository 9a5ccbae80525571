// Completion for shells, made from the tree of words itself, so that it cannot go stale.
#pragma once
#include <string>
#include <vector>

#include "cli/command_line.hpp"

namespace ratebook::cli {

std::string bash_completion(const std::vector<WordShape>& words);
std::string zsh_completion(const std::vector<WordShape>& words);

}  // namespace ratebook::cli
