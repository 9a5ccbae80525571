// In which format and compression a file's prices stand: by its name, else by its first bytes.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace ratebook::cli {

struct FileForm {
  std::string format;  ///< json, ndjson, csv; empty: it cannot be told
  std::string coding;  ///< gzip, zstd; empty: none

  std::string_view content_type() const;
};

/// How many of a file's first bytes are looked at.
inline constexpr std::size_t form_bytes_seen = 4096;

/// `format`, where it is not empty, is the user's word.
FileForm form_of(std::string_view name, std::string_view format, std::string_view start);

}  // namespace ratebook::cli
