// GET /rates?date_from&date_to&orig_code&dest_code: the existing service's call, answered as it answers. Parameters
// that it does not know are passed over, of repeated ones the first counts. Codes may be regions, too; one that is
// unknown is a route without prices.
#include <fmt/format.h>

#include <algorithm>

#include "api/access.hpp"
#include "api/endpoints.hpp"
#include "api/query.hpp"
#include "api/rate_text.hpp"
#include "api/reading.hpp"

namespace ratebook::api {
namespace {

struct ExistingQuery {
  Day from, to;
  std::string_view orig, dest;
};

std::expected<Day, Problem> read_day(const Query& query, std::string_view name) {
  const auto text = query.get(name);
  if (!text) return std::unexpected(bad_parameter(name, "is missing; write a day such as 2021-01-31"));
  const auto day = parse_any_day(*text);
  if (!day) return std::unexpected(bad_parameter(name, "is no day; write one such as 2021-01-31"));
  return *day;
}

// Codes and slugs alike; what cannot be either is refused, so that a slip is not taken for a route without prices.
std::expected<std::string_view, Problem> read_code(const Query& query, std::string_view name) {
  const auto text = query.get(name);
  const bool sane =
      text && !text->empty() && text->size() <= 64 && std::ranges::all_of(*text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
      });
  if (sane) return *text;
  return std::unexpected(
      bad_parameter(name, text ? "is no code; write a port such as CNSGH or a region such as north_europe_main"
                               : "is missing; write a port such as CNSGH or a region such as north_europe_main"));
}

std::expected<ExistingQuery, Problem> read_query(const Query& query, const Limits& limits) {
  if (query.problem()) return std::unexpected(*query.problem());
  const auto from = read_day(query, "date_from");
  if (!from) return std::unexpected(from.error());
  const auto to = read_day(query, "date_to");
  if (!to) return std::unexpected(to.error());
  const auto orig = read_code(query, "orig_code");
  if (!orig) return std::unexpected(orig.error());
  const auto dest = read_code(query, "dest_code");
  if (!dest) return std::unexpected(dest.error());
  if (to->since_1970 - from->since_1970 >= limits.existing_days_max) {
    return std::unexpected(bad_parameter(
        "date_to",
        fmt::format("is too far from date_from; ask for at most {} days at once", limits.existing_days_max)));
  }
  return ExistingQuery{*from, *to, *orig, *dest};
}

// False, where the query is `quick` only and would take too long.
bool answer_existing(const Service& service, bool quick, const http::Request& request, const View& view,
                     http::Response& response) {
  const Query parameters{request.query()};
  const auto query = read_query(parameters, service.limits);
  if (!query) return answer_problem(query.error(), response), true;
  const auto& places = *view.book->places();
  const auto orig = places.find(query->orig);
  const auto dest = places.find(query->dest);
  const Day from = std::max(query->from, day_min);
  const Day to = std::min(query->to, day_max);
  const bool may_have_prices = orig && dest && from <= to;
  if (quick && query->to.since_1970 - query->from.since_1970 >= service.limits.days_max) return false;
  if (quick && may_have_prices &&
      places.ports(*orig).size() * places.ports(*dest).size() > service.limits.narrow_routes_max) {
    return false;
  }
  const auto tag = entity_tag(view.book->version(), view.book->chain());
  if (answer_not_modified(request, tag, response)) return true;
  std::vector<book::DayRate> rates;
  if (may_have_prices) rates = view.book->rates({.orig = *orig, .dest = *dest, .from = from, .to = to});
  response.content_type = "application/json";
  response.headers.emplace_back("ETag", tag);
  append_existing_rates(response.body, rates, query->from, query->to);
  return true;
}

}  // namespace

http::Route rates_existing(Service& service) {
  return {"GET", "/rates",
          reading(
              service,
              [&service](const http::Request& request, const View& view, http::Response& response) {
                return answer_existing(service, true, request, view, response);
              },
              [&service](const http::Request& request, const View& view, http::Response& response) {
                answer_existing(service, false, request, view, response);
              }),
          "rates_existing", guard(service, Need::read)};
}

}  // namespace ratebook::api
