#include "api/body_headers.hpp"

#include <fmt/format.h>

#include <iterator>
#include <optional>
#include <string>

#include "api/digest_field.hpp"
#include "api/headers.hpp"

namespace ratebook::api {
namespace {

using intake::Coding;
using intake::Format;

constexpr std::string_view types = "application/json, application/x-ndjson, text/csv";
constexpr std::string_view codings = "gzip, zstd, identity";

std::optional<Format> format_of(std::string_view type) {
  if (type == "application/json") return Format::json;
  if (type == "text/csv") return Format::csv;
  const bool is_ndjson = type == "application/x-ndjson" || type == "application/ndjson" || type == "application/jsonl";
  return is_ndjson ? std::optional{Format::ndjson} : std::nullopt;
}

std::optional<Coding> coding_of(std::string_view coding) {
  if (coding.empty() || coding == "identity") return Coding::identity;
  if (coding == "gzip" || coding == "x-gzip") return Coding::gzip;
  return coding == "zstd" ? std::optional{Coding::zstd} : std::nullopt;
}

}  // namespace

std::expected<BodyHeaders, Problem> read_body_headers(const http::Request& request) {
  const auto format = format_of(media_type(request.header("Content-Type").value_or("")));
  if (!format) {
    return std::unexpected(
        Problem{problems::unsupported_type, fmt::format("send a Content-Type of {}", types), {}, {}});
  }
  const auto coding = coding_of(lower_case(joined_header(request, "Content-Encoding")));
  if (!coding) {
    return std::unexpected(
        Problem{problems::unsupported_encoding, fmt::format("send a Content-Encoding of {}", codings), {}, {}});
  }
  BodyHeaders headers{*format, *coding, {}};
  // Equal here: there are no ranges, so what is sent is the representation.
  for (const std::string_view name : {"Repr-Digest", "Content-Digest"}) {
    auto digests = read_digest_field(name, joined_header(request, name));
    if (!digests) {
      return std::unexpected(
          Problem{problems::bad_header,
                  fmt::format("{}: write sha-256=:BASE64: or sha-512=:BASE64: of the bytes as they are sent", name),
                  {},
                  {}});
    }
    std::ranges::move(*digests, std::back_inserter(headers.digests));
  }
  return headers;
}

void add_accepted(const Problem& problem, http::Response& response) {
  if (problem.kind.type == problems::unsupported_type.type) response.headers.emplace_back("Accept-Post", types);
  if (problem.kind.type == problems::unsupported_encoding.type) {
    response.headers.emplace_back("Accept-Encoding", codings);
  }
}

}  // namespace ratebook::api
