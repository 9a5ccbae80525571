#include "sim/api_client.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "api/json_reader.hpp"

namespace ratebook::sim {

using std::chrono::milliseconds;

namespace {

/// Whether `path` is of the pattern; sets what stands in it for `{…}`.
bool matches(std::string_view pattern, std::string_view path, std::string& parameter) {
  const auto open = pattern.find('{');
  if (open == std::string_view::npos) return pattern == path;
  const auto before = pattern.substr(0, open);
  const auto after = pattern.substr(pattern.find('}') + 1);
  if (path.size() <= before.size() + after.size() || !path.starts_with(before) || !path.ends_with(after)) return false;
  parameter = path.substr(before.size(), path.size() - before.size() - after.size());
  return !parameter.contains('/');
}

}  // namespace

std::optional<std::string_view> ApiAnswer::header(std::string_view name) const {
  const auto found = std::ranges::find(headers, name, &std::pair<std::string, std::string>::first);
  return found == headers.end() ? std::nullopt : std::optional<std::string_view>{found->second};
}

std::uint64_t ApiAnswer::version() const {
  const std::string_view text = header("Ratebook-Version").value_or("");
  std::uint64_t version = 0;
  std::from_chars(text.data(), text.data() + text.size(), version);
  return version;
}

std::string ApiAnswer::problem() const {
  std::string type;
  api::read_json(body, [&](api::JsonReader::Element root) {
    std::string_view text;
    if (!root["type"].get(text)) type = text.substr(text.rfind('/') + 1);
  });
  return type;
}

/// A request, what its handler sees of it, and its answer. A handler may keep it for longer than its client waits.
struct ApiClient::Exchange {
  Exchange(ApiRequest sent_in, std::string parameter_in, Signal signal)
      : sent(std::move(sent_in)), parameter(std::move(parameter_in)), answered(std::move(signal)) {
    request.method_ = sent.method;
    request.path_ = sent.path;
    request.query_ = sent.query;
    request.remote_ = "127.0.0.1:1";
    request.request_id_ = "simulated";
    request.parameter_ = parameter;
    if (sent.method != "GET") request.content_length_ = sent.body.size();
    for (const auto& [name, value] : sent.headers) request.headers_.emplace_back(name, value);
  }

  void answer(http::Response with) {
    if (response) return;
    response = std::move(with);
    answered.notify();
  }

  const ApiRequest sent;
  const std::string parameter;
  http::Request request;
  std::optional<http::Response> response;
  const Signal answered;
};

ApiClient::ApiClient(Scheduler& scheduler, std::vector<http::Route> routes)
    : scheduler_(scheduler), routes_(std::move(routes)) {}

const http::Route& ApiClient::route(const ApiRequest& request, std::string& parameter) const {
  const auto found = std::ranges::find_if(routes_, [&](const http::Route& route) {
    return route.method == request.method && matches(route.pattern, request.path, parameter);
  });
  if (found == routes_.end()) throw std::logic_error{"no endpoint for " + request.method + " " + request.path};
  return *found;
}

ApiAnswer ApiClient::call(ApiRequest request) {
  // Whoever is killed in here has no answer, and nobody waits for it.
  ++open_count_;
  const std::shared_ptr<void> under_way{nullptr, [this](void*) { --open_count_; }};
  std::string parameter;
  const http::Route& its = route(request, parameter);
  const auto exchange = std::make_shared<Exchange>(std::move(request), std::move(parameter), scheduler_.make_signal());
  run(its, exchange);
  while (!exchange->response) exchange->answered.wait_past(exchange->answered.count(), milliseconds{10'000});
  http::Response& response = *exchange->response;
  ApiAnswer answer{response.status, std::move(response.headers), std::move(response.body)};
  while (response.pieces) {
    auto piece = response.pieces();
    if (!piece) return {};  // the connection is cut
    if (piece->empty()) break;
    answer.body += *piece;
  }
  return answer;
}

void ApiClient::run(const http::Route& route, const std::shared_ptr<Exchange>& exchange) {
  const std::shared_ptr<const http::Request> request{exchange, &exchange->request};
  const http::Respond respond = [exchange](http::Response with) { exchange->answer(std::move(with)); };
  http::Response response;
  if (route.guard && !route.guard(*request, response)) return respond(std::move(response));
  if (const auto* immediate = std::get_if<http::Immediate>(&route.handler)) {
    (*immediate)(*request, response);
    return respond(std::move(response));
  }
  if (const auto* choosing = std::get_if<http::Choosing>(&route.handler)) {
    if (choosing->at_once(*request, response)) return respond(std::move(response));
    return choosing->later(request, respond);
  }
  if (const auto* deferred = std::get_if<http::Deferred>(&route.handler)) return (*deferred)(request, respond);
  if (const auto* uploading = std::get_if<http::Uploading>(&route.handler)) return upload(*uploading, exchange);
  throw std::logic_error{"the simulated clients open no event streams"};
}

void ApiClient::upload(const http::Uploading& handler, const std::shared_ptr<Exchange>& exchange) {
  const std::shared_ptr<const http::Request> request{exchange, &exchange->request};
  auto taken = handler(request);
  if (!taken) return exchange->answer(std::move(taken.error()));
  std::string_view rest = exchange->sent.body;
  Random& random = scheduler_.random();
  while (!rest.empty()) {
    const std::size_t size = random.chance(0.8) ? rest.size() : 1 + random.below(rest.size());
    if (!taken->feed(rest.substr(0, size))) break;
    rest.remove_prefix(size);
    if (!rest.empty()) scheduler_.sleep(random.between(milliseconds{0}, milliseconds{20}));
  }
  taken->finish([exchange](http::Response with) { exchange->answer(std::move(with)); });
}

}  // namespace ratebook::sim
