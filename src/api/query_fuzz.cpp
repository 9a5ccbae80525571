// Any bytes as the query of a URL: no parameter is longer than what stood there.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "api/query.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ratebook;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const api::Query query{text};
  const auto problem = query.check({"origin", "date_from", "stats"});
  for (const auto* name : {"origin", "date_from", "stats", ""}) {
    const auto value = query.get(name);
    if (value && value->size() > size) std::abort();
    if (value) (void)api::parse_number(*value);
  }
  if (query.problem() && !problem) std::abort();
  return 0;
}
