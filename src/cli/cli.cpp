#include "cli/cli.hpp"

#include <cstdio>

#include "cli/arguments.hpp"
#include "cli/exit_code.hpp"

namespace ratebook::cli {

int run(int argc, const char* const* argv, const ServeFunction& serve, Console& console) {
  const auto read = read_arguments(argc, argv, serve);
  if (const auto* said = std::get_if<Said>(&read)) {
    if (said->exit_code != exit_ok) {
      console.err(said->text);
    } else if (!console.out(said->text)) {
      return exit_output;
    }
    return said->exit_code;
  }
  return std::get<Word>(read)(console);
}

int run(int argc, char** argv, const ServeFunction& serve) {
  Console console = process_console();
  const int code = run(argc, argv, serve, console);
  // A full disk often shows only here; what was printed is then not to be relied on.
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    std::perror("error: cannot write the output");
    return exit_output;
  }
  return code;
}

}  // namespace ratebook::cli
