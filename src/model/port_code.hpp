// A UN/LOCODE: two letters of a country and three characters of a place, `CNSGH`.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string_view>

namespace ratebook {

class PortCode {
 public:
  PortCode() = default;

  /// Two of A-Z, then three of A-Z or 0-9; anything else is nullopt.
  static constexpr std::optional<PortCode> parse(std::string_view text) {
    if (text.size() != 5) return std::nullopt;
    PortCode code;
    for (std::size_t i = 0; i < 5; ++i) {
      const char c = text[i];
      if (!((c >= 'A' && c <= 'Z') || (i >= 2 && c >= '0' && c <= '9'))) return std::nullopt;
      code.letters_[i] = c;
    }
    return code;
  }

  std::string_view view() const { return {letters_.data(), letters_.size()}; }

  /// The five bytes as one number: equal for equal codes, ordered as the codes are.
  std::uint64_t number() const {
    std::uint64_t value = 0;
    for (const char c : letters_) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }

  auto operator<=>(const PortCode&) const = default;

 private:
  std::array<char, 5> letters_{};
};

}  // namespace ratebook

template <>
struct std::hash<ratebook::PortCode> {
  std::size_t operator()(ratebook::PortCode code) const noexcept {
    return static_cast<std::size_t>(code.number() * 0x9E3779B97F4A7C15ULL >> 16);
  }
};
