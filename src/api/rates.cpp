// GET /v1/rates?origin&destination&date_from&date_to[&stats][&min_count][&version]: what a route cost, day by day, the
// days that have prices, ascending; JSON, or CSV where Accept likes it better. A past version is read from the store.
#include "api/access.hpp"
#include "api/endpoints.hpp"
#include "api/past.hpp"
#include "api/query.hpp"
#include "api/reading.hpp"
#include "api/route_rates.hpp"
#include "http/accept.hpp"

namespace ratebook::api {
namespace {

struct RatesQuery {
  RouteText route;
  RatesWanted wanted;
  std::optional<Version> version;
};

// A parameter as `read` takes it; what it says of a wrong one becomes a problem.
template <class Read>
auto read_parameter(const Query& query, std::string_view name, std::string_view otherwise, Read read)
    -> std::expected<typename decltype(read(otherwise))::value_type, Problem> {
  auto value = read(query.get(name).value_or(otherwise));
  if (!value) return std::unexpected(bad_parameter(name, value.error()));
  return *std::move(value);
}

std::expected<std::string, std::string> read_place(std::string_view text) {
  if (text.empty()) return std::unexpected(std::string{place_wanted});
  return std::string{text};
}

std::expected<RatesQuery, Problem> read_query(const http::Request& request, const Limits& limits) {
  const Query query{request.query()};
  if (auto problem = query.check({"origin", "destination", "date_from", "date_to", "stats", "min_count", "version"})) {
    return std::unexpected(std::move(*problem));
  }
  auto origin = read_parameter(query, "origin", "", read_place);
  if (!origin) return std::unexpected(origin.error());
  auto destination = read_parameter(query, "destination", "", read_place);
  if (!destination) return std::unexpected(destination.error());
  const auto from = read_parameter(query, "date_from", "", read_rates_day);
  if (!from) return std::unexpected(from.error());
  const auto to = read_parameter(query, "date_to", "", read_rates_day);
  if (!to) return std::unexpected(to.error());
  if (const auto wrong = check_days(*from, *to, limits); !wrong.empty()) {
    return std::unexpected(bad_parameter("date_to", wrong));
  }
  auto statistics = read_parameter(query, "stats", "avg", read_statistics);
  if (!statistics) return std::unexpected(statistics.error());
  const auto min_count =
      read_parameter(query, "min_count", "1", [](std::string_view text) { return read_min_count(parse_number(text)); });
  if (!min_count) return std::unexpected(min_count.error());
  RatesQuery read{{std::move(*origin), std::move(*destination)}, {*from, *to, std::move(*statistics), *min_count}, {}};
  if (const auto text = query.get("version")) {
    read.version = parse_number(*text);
    if (!read.version) return std::unexpected(bad_parameter("version", version_wanted));
  }
  return read;
}

void write(const RatesQuery& query, Version version, std::span<const book::DayRate> rates, bool csv,
           http::Response& response) {
  const RatesWanted& wanted = query.wanted;
  response.content_type = csv ? "text/csv; charset=utf-8" : "application/json";
  if (csv) return append_rates_csv(response.body, rates, wanted.statistics, wanted.min_count);
  append_route_rates(response.body, version, query.route, wanted, rates);
}

// The days' rates, asked for only where the client has not got them already.
template <class Rates>
void answer_with(const http::Request& request, const RatesQuery& query, Version version, const Digest& chain,
                 http::Response& response, Rates rates) {
  response.headers.emplace_back("Vary", "Accept");
  const bool csv = http::prefers(request.header("Accept"), {"application/json", "text/csv"}) == "text/csv";
  auto tag = entity_tag(version, chain);
  if (csv) tag.insert(tag.size() - 1, "-csv");  // who has the JSON does not have the CSV
  if (answer_not_modified(request, tag, response)) return;
  const std::expected<std::vector<book::DayRate>, Problem> found = rates();
  if (!found) return answer_problem(found.error(), response);
  response.headers.emplace_back("ETag", tag);
  write(query, version, *found, csv, response);
}

void answer_past(Service& service, const http::Request& request, const RatesQuery& query, const View& view,
                 http::Response& response) {
  const auto past = Past::find(service, *query.version, view);
  if (!past) return answer_problem(store_problem(past.error()), response);
  const auto places = past->places();
  if (!places) return answer_problem(store_problem(places.error()), response);
  const auto resolved = resolve(query.route, query.wanted, *places);
  if (!resolved) return answer_problem(resolved.error(), response);
  answer_with(request, query, *query.version, past->version().chain, response,
              [&] { return past->rates(*places, *resolved); });
}

// False, where it is `quick` only and would take too long.
bool answer_rates(Service& service, bool quick, const http::Request& request, const View& view,
                  http::Response& response) {
  const auto query = read_query(request, service.limits);
  if (!query) return answer_problem(query.error(), response), true;
  const Version shown = view.book->version();
  if (query->version && *query->version != shown) {
    if (quick) return false;
    if (*query->version > shown) {
      answer_problem(not_visible(service, *query->version, view), response);
    } else {
      answer_past(service, request, *query, view, response);
    }
    return true;
  }
  const auto& places = *view.book->places();
  const auto resolved = resolve(query->route, query->wanted, places);
  if (!resolved) return answer_problem(resolved.error(), response), true;
  const std::size_t routes = places.ports(resolved->orig).size() * places.ports(resolved->dest).size();
  if (quick && routes > service.limits.narrow_routes_max) return false;
  answer_with(request, *query, shown, view.book->chain(), response,
              [&] -> std::expected<std::vector<book::DayRate>, Problem> { return view.book->rates(*resolved); });
  return true;
}

// The version that a query asks for, where it asks for one.
std::optional<Version> asked_version(const http::Request& request) {
  const Query query{request.query()};
  return parse_number(query.get("version").value_or(""));
}

}  // namespace

http::Route rates(Service& service) {
  auto quick = [&service](const http::Request& request, const View& view, http::Response& response) {
    return answer_rates(service, true, request, view, response);
  };
  auto slow = [&service](const http::Request& request, const View& view, http::Response& response) {
    answer_rates(service, false, request, view, response);
  };
  return {"GET", "/v1/rates", reading(service, std::move(quick), std::move(slow), asked_version), "rates",
          guard(service, Need::read)};
}

}  // namespace ratebook::api
