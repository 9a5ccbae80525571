#include "api/answer_watch.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "http/trace_context.hpp"

namespace ratebook::api {
namespace {

void log_answer(const obs::Logger& logger, const std::string& route, const http::Answered& answered) {
  const auto trace = http::trace_parent(answered.request);
  const auto text = [](std::string_view view) { return std::string{view}; };
  // What a server cannot do it may not be able to do a thousand times a second.
  const auto level = answered.status >= 500 ? obs::Level::warning : obs::Level::information;
  logger.log(level, "answered",
             {{"route", route},
              {"method", text(answered.method)},
              {"status", std::to_string(answered.status)},
              {"ms", fmt::format("{:.3f}", std::chrono::duration<double, std::milli>(answered.took).count())},
              {"bytes", std::to_string(answered.body_bytes)},
              {"remote", text(answered.remote)},
              {"request_id", text(answered.request_id)},
              {"trace_id", trace ? text(trace->trace_id) : ""},
              {"parent_id", trace ? text(trace->parent_id) : ""}});
}

}  // namespace

AnswerWatch::AnswerWatch(obs::Metrics& metrics, const obs::Logger& logger, const std::vector<http::Route>& routes,
                         AccessLog access_log)
    : metrics_(metrics), logger_(logger), access_log_(access_log) {
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
  if (!answered.error.empty()) {
    logger_.error("a handler failed", {{"route", found.name},
                                       {"request_id", std::string{answered.request_id}},
                                       {"error", std::string{answered.error}}});
  }
  if (has_line(answered)) log_answer(logger_, found.name, answered);
}

bool AnswerWatch::has_line(const http::Answered& answered) const {
  switch (access_log_.lines) {
    case AccessLog::Lines::off:
      return false;
    case AccessLog::Lines::errors:
      return answered.status >= 500;
    case AccessLog::Lines::slow:
      return answered.status >= 500 || answered.took >= access_log_.slow_time;
    case AccessLog::Lines::all:
      return true;
  }
  return false;
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
