// A string whose front is dropped whenever bytes are appended: what is kept is at most one cut unit.
#include "intake/window.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace ratebook::intake {

namespace {

// In blocks whose count fits into a byte, so that the compiler counts many bytes at once.
std::uint64_t count_line_ends(std::string_view bytes) {
  constexpr std::size_t block_bytes = 192;
  std::uint64_t count = 0;
  while (!bytes.empty()) {
    const std::string_view block = bytes.substr(0, block_bytes);
    std::uint8_t count_in_block = 0;
    for (const char c : block) count_in_block = static_cast<std::uint8_t>(count_in_block + (c == '\n' ? 1 : 0));
    count += count_in_block;
    bytes.remove_prefix(block.size());
  }
  return count;
}

}  // namespace

bool Window::append(std::string_view bytes) {
  count_lines_to(taken_);
  bytes_.erase(0, taken_);
  dropped_ += taken_;
  counted_ -= taken_;
  taken_ = 0;
  const std::size_t needed = bytes_.size() + bytes.size();
  if (needed > bytes_.capacity()) {
    const std::size_t capacity = std::bit_ceil(needed);
    if (!memory_.raise_to(capacity)) return false;
    bytes_.reserve(capacity);
  }
  bytes_.append(bytes);
  return true;
}

const char* Window::find_line_end() const { return static_cast<const char*>(std::memchr(begin(), '\n', size())); }

bool Window::skip_line() {
  const char* line_end = find_line_end();
  take(line_end != nullptr ? line_end + 1 : end());
  return line_end != nullptr;
}

bool Window::skip_mark(bool last, bool& may_stand) {
  constexpr std::string_view mark = "\xEF\xBB\xBF";
  const std::string_view front{begin(), std::min(size(), mark.size())};
  if (!last && front.size() < mark.size() && mark.starts_with(front)) return false;
  if (front == mark) take(begin() + mark.size());
  may_stand = false;
  return true;
}

void Window::count_lines_to(std::size_t at) {
  if (at <= counted_) return;
  const std::string_view between = std::string_view{bytes_}.substr(counted_, at - counted_);
  const std::uint64_t count = count_line_ends(between);
  line_ += count;
  if (count > 0) line_start_ = dropped_ + counted_ + between.rfind('\n') + 1;
  counted_ = at;
}

Window::Place Window::place_of(const char* at) {
  const auto index = static_cast<std::size_t>(at - bytes_.data());
  count_lines_to(index);
  const std::uint64_t byte = dropped_ + index;
  return {byte, line_, byte - line_start_ + 1};
}

}  // namespace ratebook::intake
