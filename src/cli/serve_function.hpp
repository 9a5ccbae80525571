// The server, as the command line knows it.
#pragma once
#include <functional>

namespace ratebook::settings {
struct Settings;
}

namespace ratebook::cli {

/// Runs the server until it is told to stop; returns the exit code of the process.
using ServeFunction = std::function<int(const settings::Settings&)>;

}  // namespace ratebook::cli
