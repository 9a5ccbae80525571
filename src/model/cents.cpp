#include "model/cents.hpp"

#include "json/writer.hpp"

namespace ratebook {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::expected<Cents, CentsError> parse_cents(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  std::size_t at = 0;
  std::uint64_t value = 0;
  bool too_large = false;
  const auto take = [&](char digit) {
    value = value * 10 + static_cast<unsigned>(digit - '0');
    if (value > cents_max.value) {
      too_large = true;
      value = cents_max.value + std::uint64_t{1};
    }
  };
  for (; at < text.size() && is_digit(text[at]); ++at) take(text[at]);
  if (at == 0) return std::unexpected(CentsError::not_a_number);
  std::size_t decimals = 0;
  if (at < text.size() && text[at] == '.') {
    const std::size_t point = at++;
    for (; at < text.size() && is_digit(text[at]); ++at) {
      if (at - point <= 2) take(text[at]);
    }
    decimals = at - point - 1;
    if (decimals == 0) return std::unexpected(CentsError::not_a_number);
  }
  if (at < text.size()) {
    const bool exponent = (text[at] == 'e' || text[at] == 'E') && at + 1 < text.size();
    return std::unexpected(exponent ? CentsError::exponent : CentsError::not_a_number);
  }
  if (negative) return std::unexpected(CentsError::not_positive);
  if (decimals > 2) return std::unexpected(CentsError::too_many_decimals);
  for (; decimals < 2; ++decimals) take('0');
  if (too_large) return std::unexpected(CentsError::too_large);
  if (value == 0) return std::unexpected(CentsError::not_positive);
  return Cents{static_cast<std::uint32_t>(value)};
}

void append_cents(std::string& out, Cents amount) {
  json::append_number(out, amount.value / 100);
  const auto rest = amount.value % 100;
  if (rest == 0) return;
  out += '.';
  out += static_cast<char>('0' + rest / 10);
  out += static_cast<char>('0' + rest % 10);
}

std::string format_cents(Cents amount) {
  std::string text;
  append_cents(text, amount);
  return text;
}

}  // namespace ratebook
