// One line on a terminal that is written over again and again: how much is sent, then how long it waits. Silent where
// messages do not go to a terminal.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "cli/console.hpp"

namespace ratebook::cli {

/// `sending ████████░░░░  62 %  12.4 of 20.0 MB  8.1 MB/s`, never wider than the terminal.
std::string progress_line(const Console& console, std::string_view word, std::uint64_t bytes, std::uint64_t bytes_total,
                          std::chrono::milliseconds since_start);

class Progress {
 public:
  Progress(const Console& console, std::function<std::chrono::milliseconds()> now)
      : console_(console), now_(std::move(now)), started_at_(now_()) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  /// A new try: the rate counts from here.
  void restart();
  void sent(std::uint64_t bytes, std::uint64_t bytes_total);
  void copied(std::uint64_t bytes, std::uint64_t bytes_total);
  /// `checking prices  42 %`
  void part(std::string_view what, std::uint64_t done, std::uint64_t total);
  /// `what` and since when.
  void waiting(std::string_view what);
  /// Makes room for another message.
  void clear();

 private:
  void show(const std::string& line);

  const Console& console_;
  std::function<std::chrono::milliseconds()> now_;
  std::chrono::milliseconds started_at_;
  std::chrono::milliseconds waiting_since_{-1};
  std::string shown_;
};

}  // namespace ratebook::cli
