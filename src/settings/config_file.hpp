// A ratebook.toml as entries with their places. Knows TOML, and nothing of what settings there are.
#pragma once
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace ratebook::settings {

struct ConfigFile {
  enum class Type : std::uint8_t { integer, text, boolean, other };
  struct Entry {
    std::string key;  ///< dotted
    Type type = Type::other;
    std::string text;     ///< the value as a flag would have it; empty: `other`
    std::string written;  ///< the value for people
    std::size_t line = 0, column = 0;
  };
  std::string path;
  std::vector<Entry> entries;  ///< in the order of their places
};

inline constexpr std::size_t config_bytes_max = 1u << 20;

/// The error has a line for each thing that is wrong.
using FileResult = std::expected<ConfigFile, std::vector<std::string>>;

FileResult read_config_file(const std::string& path);
/// The same of bytes at hand; `path` for errors.
FileResult parse_config(std::string_view bytes, const std::string& path);

}  // namespace ratebook::settings
