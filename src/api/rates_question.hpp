// The body of POST /v1/rates/query:
// `{"routes":[{"origin","destination"},…],"date_from","date_to"[,"stats":["avg",…]][,"min_count"][,"version"]}`.
#pragma once
#include <expected>
#include <optional>
#include <string_view>
#include <vector>

#include "api/problems.hpp"
#include "api/route_rates.hpp"

namespace ratebook::api {

struct RatesQuestion {
  std::vector<RouteText> routes;
  RatesWanted wanted;
  std::optional<Version> version;
};

/// Strict: an unknown, missing or repeated member, a wrong type or value, and more than the limits allow are
/// problems::invalid_query with every error (the first 100); what is no JSON is problems::malformed_body.
std::expected<RatesQuestion, Problem> read_question(std::string_view json, const Limits& limits);

}  // namespace ratebook::api
