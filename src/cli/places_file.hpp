// Places from files: the JSON document of PUT /v1/places, or two tables as CSV.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "model/error.hpp"
#include "model/places.hpp"

namespace ratebook::cli {

/// Rows of RFC 4180 CSV: quoted fields, CRLF or LF, a byte order mark at the start. Empty lines are passed over.
/// Failure::conflict with the line where a quote is not closed.
Result<std::vector<std::vector<std::string>>> parse_csv(std::string_view text);

/// `slug,name,parent_slug`, columns in any order. `file` is for messages.
Result<std::vector<RegionDocument>> read_regions_csv(std::string_view text, std::string_view file);
/// `code,name,parent_slug`, columns in any order.
Result<std::vector<PortDocument>> read_ports_csv(std::string_view text, std::string_view file);

/// The whole file as text, at most 64 MiB; "-" is standard input. Failure::not_found, Failure::full.
Result<std::string> read_text_file(const std::string& path);

}  // namespace ratebook::cli
