#include "cli/file_form.hpp"

#include <array>
#include <utility>

namespace ratebook::cli {
namespace {

using Pairs = std::array<std::pair<std::string_view, std::string_view>, 4>;

constexpr Pairs codings{{{".gz", "gzip"}, {".zst", "zstd"}, {".zstd", "zstd"}, {".gzip", "gzip"}}};
constexpr Pairs formats{{{".json", "json"}, {".ndjson", "ndjson"}, {".jsonl", "ndjson"}, {".csv", "csv"}}};

/// What the name's ending stands for, which is taken off it.
std::string_view take_ending(std::string_view& name, const Pairs& endings) {
  for (const auto& [ending, meaning] : endings) {
    if (!name.ends_with(ending)) continue;
    name.remove_suffix(ending.size());
    return meaning;
  }
  return {};
}

std::string_view coding_of(std::string_view start) {
  if (start.starts_with("\x1f\x8b")) return "gzip";
  return start.starts_with("\x28\xB5\x2F\xFD") ? "zstd" : "";
}

std::string_view format_of(std::string_view start) {
  const auto at = start.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (at == std::string_view::npos || start[at] != '{') return "csv";
  return start.contains("\"prices\"") || start.contains("\"source\"") ? "json" : "ndjson";
}

}  // namespace

std::string_view FileForm::content_type() const {
  return format == "json" ? "application/json" : format == "csv" ? "text/csv" : "application/x-ndjson";
}

FileForm form_of(std::string_view name, std::string_view format, std::string_view start) {
  std::string_view coding = take_ending(name, codings);
  if (coding.empty()) coding = coding_of(start);
  if (format.empty()) format = take_ending(name, formats);
  if (format.empty() && coding.empty()) format = format_of(start);
  return {std::string{format}, std::string{coding}};
}

}  // namespace ratebook::cli
