// Chunks of any lengths, in memory and in the file: read back as they were appended. The input is the memory bound, in
// bytes, and then the lengths.
#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>

#include "intake/spool.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ratebook::intake;
  if (size == 0) return 0;
  MemoryBudget memory{1 << 20};
  Spool spool{data[0] * std::size_t{16}, std::filesystem::temp_directory_path(), &memory};
  std::vector<std::string> chunks;
  for (std::size_t i = 1; i < size && i < 64; ++i) {
    chunks.emplace_back(data[i] * std::size_t{7} + 1, static_cast<char>(i));
    if (!spool.append(chunks.back())) std::abort();
  }
  if (spool.chunk_count() != chunks.size()) std::abort();
  for (std::size_t i = chunks.size(); i-- > 0;) {
    if (spool.read(i).value() != chunks[i]) std::abort();
  }
  return 0;
}
