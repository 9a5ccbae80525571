// Any bytes as an NDJSON batch: whole or in pieces the same.
#include "intake/body_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ratebook::intake;
  if (size != 0) testing::decode_both_ways(data, size, Format::ndjson);
  return 0;
}
