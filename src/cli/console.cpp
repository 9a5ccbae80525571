#include "cli/console.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cctype>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "model/places.hpp"

namespace ratebook::cli {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view{} : std::string_view{value};
}

bool locale_is_utf8() {
  for (const auto* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    std::string value{environment(name)};
    if (value.empty()) continue;
    for (char& c : value) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return value.contains("utf-8") || value.contains("utf8");
  }
  return false;
}

unsigned terminal_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const auto columns = std::strtoul(std::string{environment("COLUMNS")}.c_str(), nullptr, 10);
  return columns >= 20 && columns <= 1000 ? static_cast<unsigned>(columns) : 80;
}

std::string with_groups(std::string digits) {
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3;
       at > 0 && digits[static_cast<std::size_t>(at) - 1] != '-'; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return digits;
}

}  // namespace

Console process_console() {
  const bool out_is_terminal = ::isatty(STDOUT_FILENO) == 1;
  return {.out = [](std::string_view text) { return std::fwrite(text.data(), 1, text.size(), stdout) == text.size(); },
          .err =
              [](std::string_view text) {
                std::fflush(stdout);  // both may be one terminal: what was said first stands first
                std::fwrite(text.data(), 1, text.size(), stderr);
              },
          .out_is_terminal = out_is_terminal,
          .err_is_terminal = ::isatty(STDERR_FILENO) == 1,
          .colour = out_is_terminal && environment("NO_COLOR").empty() && environment("TERM") != "dumb",
          .unicode = locale_is_utf8(),
          .width = terminal_width()};
}

std::string styled(const Console& console, Style style, std::string_view text) {
  if (!console.colour || style == Style::plain) return std::string{text};
  const auto code = [&] {
    switch (style) {
      case Style::bold:
        return "1";
      case Style::dim:
        return "2";
      case Style::red:
        return "31";
      case Style::green:
        return "32";
      case Style::yellow:
        return "33";
      case Style::cyan:
        return "36";
      case Style::plain:
        break;
    }
    return "0";
  }();
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

std::string printable(std::string_view text) {
  const bool good = is_utf8(text);
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c1 = byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (byte < 0x20 || byte == 0x7f || c1 || (byte >= 0x80 && !good)) {
      result += '?';
      if (c1 && good) ++i;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::size_t columns(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return count;
}

std::string grouped(std::uint64_t number) { return with_groups(fmt::format("{}", number)); }

std::string grouped(double number, int decimals) {
  const std::string text = fmt::format("{:.{}f}", number, decimals);
  const auto point = text.find('.');
  const std::string fraction = point == std::string::npos ? "" : text.substr(point);
  return with_groups(text.substr(0, point)) + fraction;
}

}  // namespace ratebook::cli
