// POST /v1/rates/query: many routes in one call, all of one version. Answered as NDJSON, a line a route in the order
// asked: its rates as GET /v1/rates gives them, or its problem. Lines are made as the client takes them.
#include "api/access.hpp"
#include "api/endpoints.hpp"
#include "api/past.hpp"
#include "api/query.hpp"
#include "api/rates_question.hpp"
#include "api/reading.hpp"
#include "api/small_body.hpp"
#include "json/writer.hpp"

namespace ratebook::api {
namespace {

constexpr std::size_t rates_piece_bytes = 64 * 1024;
constexpr Duration piece_time = std::chrono::milliseconds{20};  // so that other clients get their turn

using RouteRates = std::expected<std::vector<book::DayRate>, Problem>;

/// One version, in the book or past.
struct Source {
  Version version = 0;
  std::shared_ptr<const PlaceTree> places;
  std::function<RouteRates(const book::RateQuery&)> rates;
};

std::expected<Source, Problem> source_of(Service& service, const View& view, std::optional<Version> version) {
  const Version shown = view.book->version();
  if (version.value_or(shown) == shown) {
    return Source{shown, view.book->places(),
                  [book = view.book](const book::RateQuery& query) -> RouteRates { return book->rates(query); }};
  }
  if (*version > shown) return std::unexpected(not_visible(service, *version, view));
  const auto past = Past::find(service, *version, view);
  if (!past) return std::unexpected(store_problem(past.error()));
  auto places = past->places();
  if (!places) return std::unexpected(store_problem(places.error()));
  const auto shared = std::make_shared<const PlaceTree>(*std::move(places));
  return Source{*version, shared, [past = *past, shared](const book::RateQuery& query) -> RouteRates {
                  return past.rates(*shared, query);
                }};
}

class Lines {
 public:
  Lines(RatesQuestion question, Source source, const Runtime& runtime)
      : question_(std::move(question)), source_(std::move(source)), runtime_(runtime) {}

  std::string next_piece() {
    std::string out;
    const BootTime end = runtime_.boot_time() + piece_time;
    do {
      if (next_ == question_.routes.size()) break;
      append_line(out, question_.routes[next_++]);
    } while (out.size() < rates_piece_bytes && runtime_.boot_time() < end);
    return out;
  }

 private:
  void append_line(std::string& out, const RouteText& route) const {
    const auto found = resolve(route, question_.wanted, *source_.places);
    const RouteRates rates = found ? source_.rates(*found) : std::unexpected(found.error());
    if (rates) {
      append_route_rates(out, source_.version, route, question_.wanted, *rates);
    } else {
      json::Object object{out};
      object.number("version", source_.version);
      object.text("origin", route.origin);
      object.text("destination", route.destination);
      append_problem(object.member("problem"), rates.error());
    }
    out += '\n';
  }

  RatesQuestion question_;
  Source source_;
  const Runtime& runtime_;
  std::size_t next_ = 0;
};

class Ask : public std::enable_shared_from_this<Ask> {
 public:
  Ask(Service& service, std::shared_ptr<const http::Request> request, http::Respond respond)
      : service_(service), request_(std::move(request)), respond_(std::move(respond)) {}

  void run(const std::string& body) {
    auto question = read_question(body, service_.limits);
    if (!question) return refuse(question.error(), service_.view());
    const Version version = question->version.value_or(0);  // read before the question moves away
    when_readable(service_, *request_, version, respond_,
                  [self = shared_from_this(), asked = *std::move(question)](const View& view) {
                    if (asked.version.value_or(view.book->version()) == view.book->version()) {
                      return self->answer(asked, view);
                    }
                    on_past(self->service_, self->respond_, [self, asked, view] { self->answer(asked, view); });
                  });
  }

 private:
  void answer(RatesQuestion question, const View& view) {
    auto source = source_of(service_, view, question.version);
    if (!source) return refuse(source.error(), view);
    const Version version = source->version;
    http::Response response;
    response.content_type = "application/x-ndjson";
    add_view_headers(view, response);
    const auto lines = std::make_shared<Lines>(std::move(question), *std::move(source), service_.runtime);
    response.pieces =
        while_permitted(permit_of(service_, *request_, Need::read), [lines] { return lines->next_piece(); });
    if (version != view.book->version()) response.lane = http::Lane::store;
    respond_(std::move(response));
  }

  void refuse(const Problem& problem, const View& view) {
    http::Response response;
    answer_with_view(problem, view, response);
    respond_(std::move(response));
  }

  Service& service_;
  std::shared_ptr<const http::Request> request_;
  http::Respond respond_;
};

}  // namespace

http::Route query_rates(Service& service) {
  return {"POST", "/v1/rates/query",
          reading_body(
              service, service.limits.query_body_bytes_max,
              [&service](std::shared_ptr<const http::Request> request, const std::string& body, http::Respond respond) {
                std::make_shared<Ask>(service, std::move(request), std::move(respond))->run(body);
              }),
          "query_rates", guard(service, Need::read)};
}

}  // namespace ratebook::api
