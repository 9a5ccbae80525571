// The headers that several endpoints read or write in the same way.
#pragma once
#include <cstdint>
#include <expected>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "api/problems.hpp"
#include "follower/follower.hpp"
#include "http/http.hpp"
#include "model/batch.hpp"
#include "runtime/runtime.hpp"

namespace ratebook::api {

using View = follower::Visible::View;

/// Ratebook-Version and Ratebook-Confirmed-At of what the answer was made from.
void add_view_headers(const View& view, http::Response& response);

/// `"44-9f3a01c2"`, with its quotes.
std::string entity_tag(Version version, const Digest& chain);

/// Whether If-None-Match or If-Match, a list of tags or `*`, names `tag` (with its quotes). Weakly: W/ is passed over;
/// strongly: a weak tag names nothing (RFC 9110, 8.8.3.2).
enum class Comparison { weak, strong };
bool names_tag(std::string_view list, std::string_view tag, Comparison comparison);

/// Answers 304 with the tag where If-None-Match names it. True: answered.
bool answer_not_modified(const http::Request& request, const std::string& tag, http::Response& response);

/// Ratebook-Min-Version; 0 where it is not sent.
std::expected<Version, Problem> min_version(const http::Request& request);

/// Prefer: wait=SECONDS (RFC 7240), at most `at_most`; `otherwise` where it is not sent or not understood, as that RFC
/// has it.
Duration preferred_wait(const http::Request& request, Duration otherwise, Duration at_most);

/// All values of a header that may stand there several times, as one list; empty: it is not sent.
std::string joined_header(const http::Request& request, std::string_view name);

std::string lower_case(std::string_view text);

/// `text/csv` of `Text/CSV; charset=utf-8`, in lower case.
std::string media_type(std::string_view content_type);

}  // namespace ratebook::api
