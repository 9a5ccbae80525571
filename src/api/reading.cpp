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

namespace {

/// Why a view cannot answer what demands `version`. Asked again after every wait: meanwhile the store may have got
/// another history, of which this node shows less, or nothing yet.
std::optional<Problem> not_shown(const View& view, Version version) {
  if (auto problem = not_ready(view)) return problem;
  if (view.shown() >= version) return std::nullopt;
  return Problem{
      problems::version_not_visible,
      fmt::format("it shows version {}, you asked for {}; ask again in a moment", view.book->version(), version),
      {},
      {}};
}

void refuse(const Problem& problem, const View& view, const http::Respond& respond) {
  http::Response response;
  answer_with_view(problem, view, response);
  respond(std::move(response));
}

/// After a wait: on the thread that ends waits, or where one may wait for the store.
void go_on(Service& service, http::Lane lane, std::function<void()> work) {
  if (lane == http::Lane::memory) return work();
  service.questions.post(std::move(work));
}

/// Calls `then` with what is shown now, if that is at least `least`.
void look_again(Service& service, Version least, http::Lane lane, const http::Respond& respond,
                const std::function<void(const View&)>& then) {
  const auto view = service.view();
  if (const auto problem = not_shown(view, least)) return refuse(*problem, view, respond);
  go_on(service, lane, [view, then] { then(view); });
}

}  // namespace

void when_visible(Service& service, Version version, Duration at_most, const http::Respond& respond,
                  std::function<void(const View&)> then, http::Lane lane) {
  const auto view = service.view();
  if (view.shown() >= version) return then(view);
  service.outcomes.await_version(version, at_most, [=, &service, then = std::move(then)](bool) {
    look_again(service, version, lane, respond, then);
  });
}

void when_readable(Service& service, const http::Request& request, Version wished, const http::Respond& respond,
                   std::function<void(const View&)> then, http::Lane lane) {
  const auto view = service.view();
  if (const auto problem = not_ready(view)) return refuse(*problem, view, respond);
  const auto least = min_version(request);
  if (!least) return refuse(least.error(), view, respond);
  const Duration at_most = service.limits.min_version_wait;
  when_visible(
      service, *least, at_most, respond,
      [=, &service, least = *least, then = std::move(then)](const View& shown) {
        if (wished <= shown.book->version()) return then(shown);
        service.outcomes.await_version(wished, at_most,
                                       [=, &service](bool) { look_again(service, least, lane, respond, then); });
      },
      lane);
}

namespace {

void answer_now(const Answer& answer, const http::Request& request, const View& view, const http::Respond& respond) {
  http::Response response;
  answer(request, view, response);
  add_view_headers(view, response);
  respond(std::move(response));
}

void answer_later(Service& service, const std::shared_ptr<const http::Request>& request, const http::Respond& respond,
                  const Answer& answer, const AskedVersion& asked_version, http::Lane lane) {
  const auto asked = asked_version ? asked_version(*request) : std::nullopt;
  const auto then = [=, &service](const View& view) {
    const auto now = [=] { answer_now(answer, *request, view, respond); };
    if (asked && *asked != view.book->version()) return on_past(service, respond, now);
    now();
  };
  when_readable(service, *request, asked.value_or(0), respond, then, lane);
}

}  // namespace

http::Handler reading(Service& service, Answer answer) {
  return http::Deferred{[&service, answer = std::move(answer)](const std::shared_ptr<const http::Request>& request,
                                                               const http::Respond& respond) {
    answer_later(service, request, respond, answer, nullptr, http::Lane::store);
  }};
}

std::function<bool(const http::Request&, http::Response&)> when_shown(Service& service, QuickAnswer quick) {
  return [&service, quick = std::move(quick)](const http::Request& request, http::Response& response) {
    const auto view = service.view();
    if (const auto problem = not_ready(view)) return answer_with_view(*problem, view, response), true;
    const auto least = min_version(request);
    if (!least) return answer_with_view(least.error(), view, response), true;
    if (*least > view.book->version() || !quick(request, view, response)) return false;
    add_view_headers(view, response);
    return true;
  };
}

http::Handler reading(Service& service, QuickAnswer quick, Answer answer, AskedVersion asked) {
  auto later = [&service, answer = std::move(answer), asked = std::move(asked)](
                   const std::shared_ptr<const http::Request>& request, const http::Respond& respond) {
    answer_later(service, request, respond, answer, asked, http::Lane::memory);
  };
  return http::Choosing{when_shown(service, std::move(quick)), std::move(later)};
}

}  // namespace ratebook::api
