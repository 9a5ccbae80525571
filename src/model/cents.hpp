// An amount in hundredths of a US dollar: exact, never through a float.
#pragma once
#include <compare>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace ratebook {

struct Cents {
  std::uint32_t value = 0;

  auto operator<=>(const Cents&) const = default;
};

inline constexpr Cents cents_max{2'000'000'000};  ///< 20,000,000.00 USD

enum class CentsError { not_a_number, exponent, too_many_decimals, not_positive, too_large };

/// Reads a decimal number such as `1154`, `1154.5`, `1154.50`: digits, at most two after the point, no exponent, no
/// plus, no blanks; `-` is read to say not_positive. Range 0.01..20000000.00.
std::expected<Cents, CentsError> parse_cents(std::string_view text);

/// `1154`, `1154.50`: without decimals where there are none.
void append_cents(std::string& out, Cents amount);
std::string format_cents(Cents amount);

}  // namespace ratebook
