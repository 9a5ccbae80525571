// How a body is compressed on its way (RFC 9110, 8.4.1), and what decoders of it have in common.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace ratebook::intake {

enum class Coding : std::uint8_t { identity, gzip, zstd };

/// Why compressed bytes cannot be decoded.
struct CodingFault {
  bool no_memory = false;  ///< the budget has none; otherwise the bytes are wrong:
  std::string_view code;
  std::string message;
};

}  // namespace ratebook::intake
