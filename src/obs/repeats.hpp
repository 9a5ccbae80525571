// Which of many equal log lines are written, and how many were held back. Thread-safe.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace ratebook::obs {

class Repeats {
 public:
  using Clock = std::chrono::steady_clock;
  struct Held {
    std::string message;
    std::uint64_t count = 0;
  };

  /// `repeats_max` of a message within `time`, counted from the first.
  Repeats(unsigned repeats_max, Clock::duration time) : repeats_max_(repeats_max), time_(time) {}

  /// False: hold it back; it is counted.
  bool admit(std::string_view message, Clock::time_point now);
  /// What was held back of messages whose time is over, once.
  std::vector<Held> take_over(Clock::time_point now);
  std::vector<Held> take_all() { return take_over(Clock::time_point::max()); }

 private:
  /// More messages than these at once count as one: what differs in each line is no message.
  static constexpr std::size_t messages_max = 256;
  struct Window {
    Clock::time_point ends;
    std::uint64_t count = 0;
  };

  const std::uint64_t repeats_max_;
  const Clock::duration time_;
  std::mutex mutex_;  ///< guards windows_
  std::map<std::string, Window, std::less<>> windows_;
};

}  // namespace ratebook::obs
