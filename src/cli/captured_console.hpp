// For tests: a console that keeps what was printed, and the command line run on it.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "cli/cli.hpp"

namespace ratebook::cli {

struct Captured {
  int exit_code = -1;
  std::string out;
  std::string err;
};

struct Terminal {
  bool is_terminal = false;
  bool colour = false;
  bool unicode = false;
  unsigned width = 80;
};

/// `arguments` without the program's name.
inline Captured run_captured(std::vector<std::string> arguments, const ServeFunction& serve = {},
                             Terminal terminal = {}) {
  Captured captured;
  Console console{.out =
                      [&](std::string_view text) {
                        captured.out += text;
                        return true;
                      },
                  .err = [&](std::string_view text) { captured.err += text; },
                  .out_is_terminal = terminal.is_terminal,
                  .err_is_terminal = terminal.is_terminal,
                  .colour = terminal.colour,
                  .unicode = terminal.unicode,
                  .width = terminal.width};
  std::vector<const char*> argv{"ratebook"};
  for (const auto& argument : arguments) argv.push_back(argument.c_str());
  captured.exit_code = run(static_cast<int>(argv.size()), argv.data(), serve, console);
  return captured;
}

}  // namespace ratebook::cli
