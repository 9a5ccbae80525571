// The whole command line: every word, every option, its help. Nothing is done here.
#pragma once
#include <functional>
#include <string>
#include <variant>

#include "cli/console.hpp"
#include "cli/serve_function.hpp"

namespace ratebook::cli {

/// What the command line asks for: a word that returns an exit code, or text to print at once (help, version, what is
/// wrong with the command line).
struct Said {
  std::string text;
  int exit_code = 0;
};
/// Does what a word says; returns the exit code of the process.
using Word = std::function<int(const Console&)>;

std::variant<Word, Said> read_arguments(int argc, const char* const* argv, const ServeFunction& serve);

}  // namespace ratebook::cli
