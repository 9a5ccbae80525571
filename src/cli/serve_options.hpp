// What `ratebook serve` is told: the command line fills it, the wiring reads it.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace ratebook::cli {

struct ServeOptions {
  std::string data_path;  ///< the SQLite file; made where there is none
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080;  ///< 0 picks a free one
  std::chrono::milliseconds drain_time{0};
  std::chrono::milliseconds grace_time{30'000};
  bool open_to_everyone = false;  ///< listen beyond loopback, where whoever reaches it may send and retract
  unsigned cores = 0;             ///< threads that serve connections; 0: as many as the process may run on
};

/// Runs the server until it is told to stop; returns the exit code of the process.
using ServeFunction = std::function<int(const ServeOptions&)>;

}  // namespace ratebook::cli
