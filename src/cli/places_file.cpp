#include "cli/places_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "client/file_body.hpp"

namespace ratebook::cli {
namespace {

constexpr std::size_t file_bytes_max = 64u << 20;

using Row = std::vector<std::string>;

/// Reads one field at `at`; afterwards `at` stands on the comma, the line's end or the text's end.
std::string parse_field(std::string_view text, std::size_t& at, bool& closed) {
  std::string field;
  closed = true;
  if (at >= text.size() || text[at] != '"') {
    const auto end = std::min(text.find_first_of(",\r\n", at), text.size());
    field = text.substr(at, end - at);
    at = end;
    return field;
  }
  for (++at; at < text.size(); ++at) {
    if (text[at] != '"') {
      field += text[at];
    } else if (at + 1 < text.size() && text[at + 1] == '"') {
      field += text[at++];
    } else {
      ++at;
      return field;
    }
  }
  closed = false;
  return field;
}

/// The rows below the header, their fields in the order of `names`.
Result<std::vector<Row>> read_columns(std::string_view text, std::string_view file,
                                      const std::array<std::string_view, 3>& names) {
  auto rows = parse_csv(text);
  if (!rows) return fail(rows.error().failure, fmt::format("{}: {}", file, rows.error().message));
  const auto expected = fmt::format("{},{},{}", names[0], names[1], names[2]);
  if (rows->empty()) return fail(Failure::conflict, fmt::format("{}: is empty; write a header row {}", file, expected));
  std::array<std::size_t, 3> places{};
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto found = std::ranges::find(rows->front(), names[i]);
    if (found == rows->front().end() || rows->front().size() != names.size()) {
      return fail(Failure::conflict, fmt::format("{}: the header row must name {}", file, expected));
    }
    places[i] = static_cast<std::size_t>(found - rows->front().begin());
  }
  std::vector<Row> result;
  for (std::size_t i = 1; i < rows->size(); ++i) {
    auto& row = (*rows)[i];
    if (row.size() != names.size()) {
      return fail(Failure::conflict,
                  fmt::format("{}: row {} has {} fields, not {}", file, i + 1, row.size(), names.size()));
    }
    result.push_back({row[places[0]], row[places[1]], row[places[2]]});
  }
  return result;
}

}  // namespace

Result<std::vector<Row>> parse_csv(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<Row> rows;
  std::size_t line = 1;
  for (std::size_t at = 0; at < text.size();) {
    Row row;
    while (true) {
      const std::size_t begin = at;
      bool closed = true;
      row.push_back(parse_field(text, at, closed));
      if (!closed) return fail(Failure::conflict, fmt::format("line {}: a quote is not closed", line));
      line += static_cast<std::size_t>(std::ranges::count(text.substr(begin, at - begin), '\n'));
      if (at >= text.size() || text[at] != ',') break;
      ++at;
    }
    if (at < text.size() && text[at] != '\r' && text[at] != '\n') {
      return fail(Failure::conflict, fmt::format("line {}: something stands behind a closing quote", line));
    }
    if (at < text.size() && text[at] == '\r') ++at;
    if (at < text.size() && text[at] == '\n') ++at;
    ++line;
    if (row.size() > 1 || !row.front().empty()) rows.push_back(std::move(row));
  }
  return rows;
}

Result<std::vector<RegionDocument>> read_regions_csv(std::string_view text, std::string_view file) {
  const auto rows = read_columns(text, file, {"slug", "name", "parent_slug"});
  if (!rows) return std::unexpected(rows.error());
  std::vector<RegionDocument> regions;
  for (const auto& row : *rows) regions.push_back({row[0], row[1], row[2]});
  return regions;
}

Result<std::vector<PortDocument>> read_ports_csv(std::string_view text, std::string_view file) {
  const auto rows = read_columns(text, file, {"code", "name", "parent_slug"});
  if (!rows) return std::unexpected(rows.error());
  std::vector<PortDocument> ports;
  for (const auto& row : *rows) ports.push_back({row[0], row[1], row[2], false});
  return ports;
}

Result<std::string> read_text_file(const std::string& path) {
  const auto file = client::FileBody::open(path);
  if (!file) return std::unexpected(file.error());
  if (file->bytes_total() > file_bytes_max) return fail(Failure::full, fmt::format("{} is larger than 64 MiB", path));
  return file->start(file->bytes_total());
}

}  // namespace ratebook::cli
