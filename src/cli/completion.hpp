// Completion for shells, made from the tree of words itself, so that it cannot go stale.
#pragma once
#include <CLI/CLI.hpp>
#include <string>

namespace ratebook::cli {

std::string bash_completion(const CLI::App& app);
std::string zsh_completion(const CLI::App& app);

}  // namespace ratebook::cli
