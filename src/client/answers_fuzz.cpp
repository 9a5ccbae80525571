// Any bytes as a server's answer. The first byte of the input says to what.
#include <cstdint>

#include "client/answers.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ratebook::client;
  if (size == 0) return 0;
  const std::string_view body{reinterpret_cast<const char*>(data + 1), size - 1};
  switch (data[0] % 5) {
    case 0:
      return (void)parse_batch(body), 0;
    case 1:
      return (void)parse_batches(body), 0;
    case 2:
      return (void)parse_rates(body), 0;
    case 3:
      return (void)parse_places(body), 0;
    default:
      return (void)parse_problem(body, 400), 0;
  }
}
