// Any bytes as a JSON batch: whole or in pieces the same; and what is accepted is JSON to another reader, too.
#include <simdjson.h>

#include "intake/body_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ratebook::intake;
  if (size == 0) return 0;
  const auto decoded = testing::decode_both_ways(data, size, Format::json);
  if (!decoded) return 0;
  simdjson::dom::parser parser;
  simdjson::dom::array prices;
  const simdjson::padded_string body{reinterpret_cast<const char*>(data + 1), size - 1};
  if (parser.parse(body)["prices"].get(prices) != simdjson::SUCCESS) std::abort();
  if (prices.size() != decoded->price_count) std::abort();
  return 0;
}
