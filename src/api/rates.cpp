// GET /v1/rates?origin&destination&date_from&date_to[&stats][&min_count][&version]: what a route cost, day by day, the
// days that have prices, ascending; JSON, or CSV where Accept likes it better. A past version is read from the store.
#include <fmt/format.h>

#include <algorithm>

#include "api/endpoints.hpp"
#include "api/json_writer.hpp"
#include "api/query.hpp"
#include "api/rate_text.hpp"
#include "api/reading.hpp"
#include "http/accept.hpp"

namespace ratebook::api {
namespace {

constexpr std::uint64_t min_count_max = 1'000'000'000;

struct RatesQuery {
  std::string origin, destination;
  Day from, to;
  Statistics statistics;
  std::uint64_t min_count = 1;
  std::optional<Version> version;
};

std::expected<Day, Problem> read_day(const Query& query, std::string_view name) {
  const auto day = parse_day(query.get(name).value_or(""));
  if (!day)
    return std::unexpected(bad_parameter(name, "write a day such as 2021-01-31, from 1970-01-01 to 2149-12-31"));
  return *day;
}

std::expected<std::string, Problem> read_place(const Query& query, std::string_view name) {
  const auto place = query.get(name).value_or("");
  if (place.empty()) {
    return std::unexpected(bad_parameter(name, "write a port such as CNSGH or a region such as north_europe_main"));
  }
  return std::string{place};
}

std::expected<RatesQuery, Problem> read_query(const http::Request& request, const Limits& limits) {
  const Query query{request.query()};
  if (auto problem = query.check({"origin", "destination", "date_from", "date_to", "stats", "min_count", "version"})) {
    return std::unexpected(std::move(*problem));
  }
  auto origin = read_place(query, "origin");
  if (!origin) return std::unexpected(origin.error());
  auto destination = read_place(query, "destination");
  if (!destination) return std::unexpected(destination.error());
  const auto from = read_day(query, "date_from");
  if (!from) return std::unexpected(from.error());
  const auto to = read_day(query, "date_to");
  if (!to) return std::unexpected(to.error());
  if (*to < *from) return std::unexpected(bad_parameter("date_to", "lies before date_from; swap them"));
  if (to->since_1970 - from->since_1970 >= limits.days_max) {
    return std::unexpected(bad_parameter(
        "date_to", fmt::format("is too far from date_from; ask for at most {} days at once", limits.days_max)));
  }
  RatesQuery read{std::move(*origin), std::move(*destination), *from, *to, {}, 1, std::nullopt};
  auto statistics = parse_statistics(query.get("stats").value_or("avg"));
  if (!statistics) {
    return std::unexpected(bad_parameter(
        "stats", fmt::format("write some of avg, min, max, count, p0 to p100 (p50, p99.9), each once, at most {}, with "
                             "commas between them",
                             statistics_max)));
  }
  read.statistics = std::move(*statistics);
  if (const auto text = query.get("min_count")) {
    const auto min_count = parse_number(*text);
    if (!min_count || *min_count < 1 || *min_count > min_count_max) {
      return std::unexpected(bad_parameter("min_count", fmt::format("write a number from 1 to {}", min_count_max)));
    }
    read.min_count = *min_count;
  }
  if (const auto text = query.get("version")) {
    read.version = parse_number(*text);
    if (!read.version) return std::unexpected(bad_parameter("version", "write a version such as 44"));
  }
  return read;
}

/// What a query asks, with the places of its version.
std::expected<book::RateQuery, Problem> resolve(const RatesQuery& query, const PlaceTree& places) {
  const auto find = [&](std::string_view name, std::string_view text) -> std::expected<PlaceNumber, Problem> {
    if (const auto place = places.find(text)) return *place;
    return std::unexpected(
        Problem{problems::unknown_place,
                fmt::format("'{}': no port has the code and no region the slug '{}'; GET /v1/places lists them", name,
                            text.substr(0, 80)),
                {},
                {}});
  };
  const auto origin = find("origin", query.origin);
  if (!origin) return std::unexpected(origin.error());
  const auto destination = find("destination", query.destination);
  if (!destination) return std::unexpected(destination.error());
  return book::RateQuery{.orig = *origin,
                         .dest = *destination,
                         .from = query.from,
                         .to = query.to,
                         .extremes = query.statistics.extremes,
                         .percentiles = query.statistics.percentiles};
}

void write(const RatesQuery& query, Version version, std::span<const book::DayRate> rates, bool csv,
           http::Response& response) {
  std::string& out = response.body;
  if (csv) {
    response.content_type = "text/csv; charset=utf-8";
    return append_rates_csv(out, rates, query.statistics, query.min_count);
  }
  response.content_type = "application/json";
  JsonObject object{out};
  object.number("version", version);
  object.text("origin", query.origin);
  object.text("destination", query.destination);
  object.text("currency", "USD");
  object.member("rates") += '[';
  append_rates_json(out, rates, query.statistics, query.min_count);
  out += ']';
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

// A version that the book does not hold: its places, chain and prices come from the store.
class Past {
 public:
  Past(Service& service, Version version) : service_(service), version_(version) {}

  Result<Digest> chain() const {
    if (version_ == 0) return Digest{};
    const auto rows = service_.store.versions(version_ - 1, 1);
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty() || rows->front().version != version_) return fail(Failure::damaged, "the version has no row");
    return rows->front().chain;
  }

  Result<PlaceTree> places() const {
    if (version_ == 0) return PlaceTree{};
    auto document = service_.store.places(version_);
    if (!document) return std::unexpected(document.error());
    return PlaceTree{std::move(*document)};
  }

  std::expected<std::vector<book::DayRate>, Problem> rates(const PlaceTree& places,
                                                           const book::RateQuery& query) const {
    store::PriceFilter filter{sorted(places.ports(query.orig)), sorted(places.ports(query.dest)), query.from, query.to};
    // Empty means all ports to the store, and none to a region.
    if (filter.origs.empty() || filter.dests.empty()) return std::vector<book::DayRate>{};
    std::vector<NumberedPrice> prices;
    std::size_t taken = 0;
    bool too_many = false;
    bool no_memory = false;
    const auto read = service_.store.prices_at(version_, filter, [&](std::span<const NumberedPrice> some) {
      const std::size_t bytes = some.size() * sizeof(NumberedPrice);
      too_many = prices.size() + some.size() > service_.limits.past_prices_max;
      no_memory = !too_many && !service_.memory.try_take(bytes);
      if (too_many || no_memory) return false;
      taken += bytes;
      prices.insert(prices.end(), some.begin(), some.end());
      return true;
    });
    const auto give_back = std::shared_ptr<void>{nullptr, [&](void*) { service_.memory.give_back(taken); }};
    if (too_many) {
      return std::unexpected(bad_parameter(
          "version", fmt::format("for a past version at most {} prices are read; ask for fewer days or smaller regions",
                                 service_.limits.past_prices_max)));
    }
    if (no_memory) return std::unexpected(Problem{problems::overloaded, "too many past versions are read now", {}, {}});
    if (!read) return std::unexpected(store_problem(read.error()));
    return book::rates_of(std::move(prices), query);
  }

 private:
  static std::vector<PortNumber> sorted(std::span<const PortNumber> ports) {
    std::vector<PortNumber> numbers{ports.begin(), ports.end()};
    std::ranges::sort(numbers);
    return numbers;
  }

  Service& service_;
  Version version_;
};

void answer_past(Service& service, const http::Request& request, const RatesQuery& query, http::Response& response) {
  const Past past{service, *query.version};
  const auto chain = past.chain();
  if (!chain) return answer_problem(store_problem(chain.error()), response);
  const auto places = past.places();
  if (!places) return answer_problem(store_problem(places.error()), response);
  const auto resolved = resolve(query, *places);
  if (!resolved) return answer_problem(resolved.error(), response);
  answer_with(request, query, *query.version, *chain, response, [&] { return past.rates(*places, *resolved); });
}

// A version that is not shown here: one that does not exist yet is unknown, one that does will be shown in a moment.
Problem not_visible(Service& service, Version version, const View& view) {
  const auto head = service.store.head();
  if (!head) return store_problem(head.error());
  if (version > head->version) {
    return {problems::unknown_version,
            fmt::format("'version': {} is not there yet; the newest is {}", version, head->version),
            {},
            {}};
  }
  return {problems::version_not_visible,
          fmt::format("this node shows version {}; ask for {} again in a moment", view.book->version(), version),
          {},
          {}};
}

// False, where it is `quick` only and would take too long.
bool answer(Service& service, bool quick, const http::Request& request, const View& view, http::Response& response) {
  const auto query = read_query(request, service.limits);
  if (!query) return answer_problem(query.error(), response), true;
  const Version shown = view.book->version();
  if (query->version && *query->version != shown) {
    if (quick) return false;
    if (*query->version > shown) {
      answer_problem(not_visible(service, *query->version, view), response);
    } else {
      answer_past(service, request, *query, response);
    }
    return true;
  }
  const auto& places = *view.book->places();
  const auto resolved = resolve(*query, places);
  if (!resolved) return answer_problem(resolved.error(), response), true;
  const std::size_t routes = places.ports(resolved->orig).size() * places.ports(resolved->dest).size();
  if (quick && routes > service.limits.narrow_routes_max) return false;
  answer_with(request, *query, shown, view.book->chain(), response,
              [&] -> std::expected<std::vector<book::DayRate>, Problem> { return view.book->rates(*resolved); });
  return true;
}

// The version that a query asks for, where it asks for one.
Version asked_version(const http::Request& request) {
  const Query query{request.query()};
  return parse_number(query.get("version").value_or("")).value_or(0);
}

}  // namespace

http::Route rates(Service& service) {
  auto quick = [&service](const http::Request& request, const View& view, http::Response& response) {
    return answer(service, true, request, view, response);
  };
  auto slow = [&service](const http::Request& request, const View& view, http::Response& response) {
    answer(service, false, request, view, response);
  };
  return {"GET", "/v1/rates", reading(service, std::move(quick), std::move(slow), asked_version), "rates"};
}

}  // namespace ratebook::api
