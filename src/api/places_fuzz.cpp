// Any bytes as the body of PUT /v1/places: refused, or places that read the same when they are written again.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "api/places_document.hpp"
#include "model/places_json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ratebook;
  const auto places = api::read_places({reinterpret_cast<const char*>(data), size});
  if (!places) return 0;
  const std::string text = places_json(*places);
  const auto again = api::read_places(text);
  if (!again) std::abort();
  if (places_json(*again) != text) std::abort();
  return 0;
}
