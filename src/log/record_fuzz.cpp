// Any bytes as a record of the log: refused, or a record that reads the same when it is written again.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "log/record.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ratebook;
  const auto record = log::decode({reinterpret_cast<const char*>(data), size});
  if (!record) return 0;
  const std::string bytes = log::encode(*record);
  const auto again = log::decode(bytes);
  if (!again || log::encode(*again) != bytes) std::abort();
  return 0;
}
