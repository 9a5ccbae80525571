// Any bytes as a compressed batch: taken or refused the same, whole or in pieces, and what is taken is the same batch.
// The first byte of the input is the length of the pieces; its lowest bit says which compression.
#include <cstdlib>

#include "intake/testing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ratebook::intake;
  if (size == 0) return 0;
  const std::string_view body{reinterpret_cast<const char*>(data + 1), size - 1};
  testing::Setting setting{.format = Format::csv, .coding = (data[0] & 1) != 0 ? Coding::gzip : Coding::zstd};
  const auto whole = testing::decode(body, setting);
  setting.piece_bytes = {data[0] + std::size_t{1}};
  const auto pieces = testing::decode(body, setting);
  // Of two things that are wrong, the pieces decide which comes first.
  if (whole.has_value() != pieces.has_value()) std::abort();
  if (whole && testing::text_of(whole) != testing::text_of(pieces)) std::abort();
  return 0;
}
