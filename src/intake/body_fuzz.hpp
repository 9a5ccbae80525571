// What the fuzz targets of the formats share: a body gives the same batch, or the same errors, in one piece and in
// pieces of any length. The first byte of the input is that length.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "intake/testing.hpp"

namespace ratebook::intake::testing {

/// What the body became, in one piece.
inline Result decode_both_ways(const std::uint8_t* data, std::size_t size, Format format) {
  if (size == 0) std::abort();
  const std::string_view body{reinterpret_cast<const char*>(data + 1), size - 1};
  Setting setting{.format = format};
  Result whole = decode(body, setting);
  setting.piece_bytes = {data[0] + std::size_t{1}};
  if (text_of(decode(body, setting)) != text_of(whole)) std::abort();
  return whole;
}

}  // namespace ratebook::intake::testing
