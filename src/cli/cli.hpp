// The command line of `ratebook`: reads it, does what the word says. The server itself is passed in.
#pragma once
#include "cli/console.hpp"
#include "cli/serve_function.hpp"

namespace ratebook::cli {

/// Returns the exit code (exit_code.hpp) of the process.
int run(int argc, char** argv, const ServeFunction& serve);

/// The same with any console, for tests.
int run(int argc, const char* const* argv, const ServeFunction& serve, Console& console);

}  // namespace ratebook::cli
