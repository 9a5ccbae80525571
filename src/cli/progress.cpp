#include "cli/progress.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ratebook::cli {
namespace {

constexpr double megabyte = 1e6;

std::string bar(bool unicode, unsigned columns, double part) {
  const auto full = static_cast<unsigned>(part * columns);
  std::string text;
  for (unsigned i = 0; i < columns; ++i) {
    if (unicode) {
      text += i < full ? "█" : "░";
    } else {
      text += i < full ? '#' : '.';
    }
  }
  return text;
}

}  // namespace

std::string progress_line(const Console& console, std::string_view word, std::uint64_t bytes, std::uint64_t bytes_total,
                          std::chrono::milliseconds since_start) {
  const double part = bytes_total == 0 ? 1 : static_cast<double>(bytes) / static_cast<double>(bytes_total);
  std::string text = fmt::format("{:3.0f} %  {:.1f} of {:.1f} MB", part * 100, static_cast<double>(bytes) / megabyte,
                                 static_cast<double>(bytes_total) / megabyte);
  if (since_start >= std::chrono::milliseconds{500}) {
    text += fmt::format("  {:.1f} MB/s",
                        static_cast<double>(bytes) / megabyte * 1000 / static_cast<double>(since_start.count()));
  }
  const std::size_t taken = word.size() + text.size() + 4;
  if (console.width < taken + 5) return text.substr(0, console.width - 1);
  const auto room = static_cast<unsigned>(std::min<std::size_t>(console.width - taken, 30));
  return fmt::format("{} {} {}", word, bar(console.unicode, room, part), text);
}

void Progress::restart() {
  started_at_ = now_();
  waiting_since_ = std::chrono::milliseconds{-1};
}

void Progress::sent(std::uint64_t bytes, std::uint64_t bytes_total) {
  if (bytes >= bytes_total) return waiting("waiting for the commit");
  show(progress_line(console_, "sending", bytes, bytes_total, now_() - started_at_));
}

void Progress::copied(std::uint64_t bytes, std::uint64_t bytes_total) {
  show(progress_line(console_, "copying", bytes, bytes_total, now_() - started_at_));
}

void Progress::part(std::string_view what, std::uint64_t done, std::uint64_t total) {
  show(fmt::format("{} {:3.0f} %", what,
                   total == 0 ? 0 : 100.0 * static_cast<double>(done) / static_cast<double>(total)));
}

void Progress::waiting(std::string_view what) {
  if (waiting_since_.count() < 0) waiting_since_ = now_();
  const auto waited = std::chrono::duration_cast<std::chrono::seconds>(now_() - waiting_since_);
  show(waited.count() > 0 ? fmt::format("{} {} s", what, waited.count()) : std::string{what});
}

void Progress::clear() {
  if (!shown_.empty()) console_.err("\r\x1b[K");
  shown_.clear();
}

void Progress::show(const std::string& line) {
  if (!console_.err_is_terminal || line == shown_) return;
  console_.err("\r" + line + "\x1b[K");
  shown_ = line;
}

}  // namespace ratebook::cli
