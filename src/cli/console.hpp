// Where a word prints: data to out, messages to err. What a terminal can show is known here, so that the same word is
// pleasant for people and plain for programs.
#pragma once
#include <functional>
#include <string>
#include <string_view>

namespace ratebook::cli {

struct Console {
  std::function<bool(std::string_view)> out;  ///< false: cannot be written any more
  std::function<void(std::string_view)> err;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool colour = false;   ///< on out: a terminal, and NO_COLOR is not set
  bool unicode = false;  ///< the locale's characters are UTF-8
  unsigned width = 80;   ///< columns
};

/// stdout and stderr of this process.
Console process_console();

enum class Style { plain, bold, dim, red, green, yellow, cyan };
/// `text` in that style, where the console has colours.
std::string styled(const Console& console, Style style, std::string_view text);

/// Replaces what a terminal would act on (control characters, C0 and C1) and bad UTF-8 by '?': names and messages come
/// from others.
std::string printable(std::string_view text);

/// Columns that UTF-8 text takes, one a character.
std::size_t columns(std::string_view text);

/// `56,689`
std::string grouped(std::uint64_t number);
/// `1,154.33`
std::string grouped(double number, int decimals);

}  // namespace ratebook::cli
