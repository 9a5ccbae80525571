// Any bytes as a packed chunk: refused, or a chunk that packs to the same bytes again.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "model/packed_chunk.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ratebook;
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  const auto chunk = unpack_chunk(bytes);
  if (!chunk) return 0;
  std::string packed;
  pack_chunk(*chunk, packed);
  const auto again = unpack_chunk(packed);
  if (!again || again->items.size() != chunk->items.size() || again->ports != chunk->ports) std::abort();
  return 0;
}
