// Any bytes as a ratebook.toml: refused with its place, or entries that stand where they say, in order.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <tuple>

#include "settings/config_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ratebook::settings;
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  const auto file = parse_config(bytes, "a.toml");
  if (!file) {
    const bool is_told = file.error().size() == 1 && file.error()[0].starts_with("a.toml:");
    if (!is_told) std::abort();
    return 0;
  }
  const auto lines = static_cast<std::size_t>(std::ranges::count(bytes, '\n')) + 1;
  const auto place = [](const auto& entry) { return std::tuple{entry.line, entry.column}; };
  if (!std::ranges::is_sorted(file->entries, {}, place)) std::abort();
  for (const auto& entry : file->entries) {
    if (entry.line < 1 || entry.line > lines || entry.column < 1 || entry.written.empty()) std::abort();
  }
  return 0;
}
