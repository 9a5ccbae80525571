#include "api/answer_watch.hpp"

#include <algorithm>

namespace ratebook::api {

AnswerWatch::AnswerWatch(obs::Metrics& metrics, const obs::Logger& logger, const std::vector<http::Route>& routes)
    : metrics_(metrics), logger_(logger) {
  static const std::vector<double> bounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                          0.1,    0.25,    0.5,    1,     2.5,    5,     10,   30,    60};
  const auto add = [&](const std::string& name) {
    auto route = std::make_unique<PerRoute>();
    route->name = name;
    route->seconds =
        metrics.histogram("ratebook_http_request_duration_seconds",
                          "From the first byte of a request to the last of its answer.", bounds, {{"route", name}});
    routes_.push_back(std::move(route));
  };
  for (const auto& route : routes) add(route.name);
  add("none");
}

void AnswerWatch::answered(const http::Answered& answered) {
  PerRoute& found = route(answered.route);
  counter(found, std::min<unsigned>(answered.status, statuses - 1)).add();
  found.seconds.observe(std::chrono::duration<double>(answered.took).count());
  if (answered.error.empty()) return;
  logger_.error("a handler failed", {{"route", std::string{answered.route}},
                                     {"request", std::string{answered.request_id}},
                                     {"error", std::string{answered.error}}});
}

AnswerWatch::PerRoute& AnswerWatch::route(std::string_view name) {
  const auto found = std::ranges::find_if(routes_, [&](const auto& route) { return route->name == name; });
  return found == routes_.end() ? *routes_.back() : **found;
}

const obs::Counter& AnswerWatch::counter(PerRoute& route, unsigned status) {
  auto& slot = route.by_status[status];
  if (const auto* counter = slot.load(std::memory_order_acquire)) return *counter;
  const std::lock_guard lock{mutex_};
  // Made twice by two cores at once it is the same counter of the registry.
  counters_.push_back(std::make_unique<const obs::Counter>(
      metrics_.counter("ratebook_http_requests_total", "Answers, by route and status.",
                       {{"route", route.name}, {"status", std::to_string(status)}})));
  slot.store(counters_.back().get(), std::memory_order_release);
  return *counters_.back();
}

}  // namespace ratebook::api
