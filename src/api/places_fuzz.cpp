// Any bytes as the body of PUT /v1/places: refused, or places that read the same when they are written again.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "api/places_document.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ratebook;
  const auto places = api::read_places({reinterpret_cast<const char*>(data), size});
  if (!places) return 0;
  std::string text;
  api::append_places(text, *places);
  const auto again = api::read_places(text);
  if (!again) std::abort();
  std::string text_again;
  api::append_places(text_again, *again);
  if (text != text_again) std::abort();
  return 0;
}
