// The pure parts of POST /v1/batches: what its headers and query ask for, and how a refusal of intake is answered.
#pragma once
#include <expected>
#include <string>

#include "api/body_headers.hpp"
#include "api/problems.hpp"
#include "http/http.hpp"
#include "intake/intake.hpp"

namespace ratebook::api {

struct PostedBatch {
  BodyHeaders body;
  std::string source;  ///< of the query; empty: the body names it
  std::string replaces;
  std::string key;  ///< empty: a fresh one is wanted
  bool dry_run = false;
};

std::expected<PostedBatch, Problem> read_posted_batch(const http::Request& request);

Problem refusal_problem(const intake::Refused& refused);

}  // namespace ratebook::api
