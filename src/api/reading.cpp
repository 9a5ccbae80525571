#include "api/reading.hpp"

#include <fmt/format.h>

#include "api/past.hpp"

namespace ratebook::api {

std::optional<Problem> not_ready(const View& view) {
  if (view.ready) return std::nullopt;
  return Problem{
      problems::not_ready, "it has not loaded every version yet; ask again in a moment, or another node", {}, {}};
}

void answer_with_view(const Problem& problem, const View& view, http::Response& response) {
  response.headers.clear();
  answer_problem(problem, response);
  add_view_headers(view, response);
}

void when_visible(Service& service, Version version, Duration at_most, const http::Respond& respond,
                  std::function<void(const View&)> then) {
  const auto view = service.view();
  if (view.shown() >= version) return then(view);
  service.outcomes.await_version(version, at_most, [&service, version, respond, then = std::move(then)](bool reached) {
    const auto later = service.view();
    if (reached && later.shown() >= version) return then(later);
    http::Response response;
    if (const auto problem = not_ready(later)) {
      answer_with_view(*problem, later, response);
      return respond(std::move(response));
    }
    answer_with_view(
        {problems::version_not_visible,
         fmt::format("it shows version {}, you asked for {}; ask again in a moment", later.book->version(), version),
         {},
         {}},
        later, response);
    respond(std::move(response));
  });
}

void when_readable(Service& service, const http::Request& request, Version wished, const http::Respond& respond,
                   std::function<void(const View&)> then) {
  const auto refuse = [&](const Problem& problem) {
    http::Response response;
    answer_with_view(problem, service.view(), response);
    respond(std::move(response));
  };
  if (const auto problem = not_ready(service.view())) return refuse(*problem);
  const auto least = min_version(request);
  if (!least) return refuse(least.error());
  const Duration at_most = service.limits.min_version_wait;
  when_visible(service, *least, at_most, respond, [=, &service, then = std::move(then)](const View& view) {
    if (wished <= view.book->version()) return then(view);
    service.outcomes.await_version(wished, at_most, [=, &service](bool) { then(service.view()); });
  });
}

namespace {

void answer_now(const Answer& answer, const http::Request& request, const View& view, const http::Respond& respond) {
  http::Response response;
  answer(request, view, response);
  add_view_headers(view, response);
  respond(std::move(response));
}

void answer_later(Service& service, const std::shared_ptr<const http::Request>& request, const http::Respond& respond,
                  const Answer& answer, const AskedVersion& asked_version) {
  const auto asked = asked_version ? asked_version(*request) : std::nullopt;
  when_readable(service, *request, asked.value_or(0), respond, [=, &service](const View& view) {
    const auto now = [=] { answer_now(answer, *request, view, respond); };
    if (asked && *asked != view.book->version()) return on_past(service, respond, now);
    now();
  });
}

}  // namespace

http::Handler reading(Service& service, Answer answer) {
  return http::Deferred{[&service, answer = std::move(answer)](const std::shared_ptr<const http::Request>& request,
                                                               const http::Respond& respond) {
    answer_later(service, request, respond, answer, nullptr);
  }};
}

http::Handler reading(Service& service, QuickAnswer quick, Answer answer, AskedVersion asked) {
  auto at_once = [&service, quick = std::move(quick)](const http::Request& request, http::Response& response) {
    const auto view = service.view();
    if (const auto problem = not_ready(view)) return answer_with_view(*problem, view, response), true;
    const auto least = min_version(request);
    if (!least) return answer_with_view(least.error(), view, response), true;
    if (*least > view.book->version() || !quick(request, view, response)) return false;
    add_view_headers(view, response);
    return true;
  };
  auto later = [&service, answer = std::move(answer), asked = std::move(asked)](
                   const std::shared_ptr<const http::Request>& request, const http::Respond& respond) {
    answer_later(service, request, respond, answer, asked);
  };
  return http::Choosing{std::move(at_once), std::move(later)};
}

}  // namespace ratebook::api
