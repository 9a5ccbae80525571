// What the headers say of a batch's body: its format, its compression, and what its bytes must hash to.
#pragma once
#include <expected>
#include <vector>

#include "api/problems.hpp"
#include "http/http.hpp"
#include "intake/intake.hpp"

namespace ratebook::api {

struct BodyHeaders {
  intake::Format format = intake::Format::json;
  intake::Coding coding = intake::Coding::identity;
  std::vector<intake::BodyDigest> digests;
};

std::expected<BodyHeaders, Problem> read_body_headers(const http::Request& request);

/// A 415 says what is taken: Accept-Post, Accept-Encoding (RFC 9110, 12.5.3).
void add_accepted(const Problem& problem, http::Response& response);

}  // namespace ratebook::api
