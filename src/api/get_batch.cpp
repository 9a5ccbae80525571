// GET /v1/batches/{id}[?at=PARTITION-OFFSET]: where a batch stands. `at`, from the Location of a 202, lets a node
// answer for a batch that another one has accepted.
#include "api/access.hpp"
#include "api/batch_json.hpp"
#include "api/endpoints.hpp"
#include "api/find_batch.hpp"
#include "api/query.hpp"
#include "api/reading.hpp"

namespace ratebook::api {
namespace {

struct Asked {
  std::string id;
  std::optional<log::Place> place;
};

/// All that can be said of a request before anyone is asked.
std::expected<Asked, Problem> read_asked(const http::Request& request) {
  const Query query{request.query()};
  if (auto problem = query.check({"at"})) return std::unexpected(std::move(*problem));
  auto place = read_place_in_log(query);
  if (!place) return std::unexpected(std::move(place.error()));
  Asked asked{std::string{request.parameter()}, *place};
  if (!is_batch_id(asked.id)) return std::unexpected(no_such_batch(asked.id));
  return asked;
}

void write(const Batch& batch, const Caller& caller, const View& view, http::Response& response) {
  if (!caller.may_see(batch.header.source))
    return answer_problem(wrong_source(batch.header.source, Need::read), response);
  response.content_type = "application/json";
  append_batch(response.body, as_shown(batch, view.shown()));
}

bool answer_at_once(const Service& service, const http::Request& request, const View& view, http::Response& response) {
  const auto asked = read_asked(request);
  if (!asked) return answer_problem(asked.error(), response), true;
  const auto batch = remembered(service, asked->id, view);
  if (!batch) return false;
  write(*batch, caller_of(service, request), view, response);
  return true;
}

void answer_later(Service& service, const std::shared_ptr<const http::Request>& request, const View& view,
                  const http::Respond& respond) {
  const auto answer = [&service, request, view, respond](const Found& found) {
    http::Response response;
    if (!found) {
      answer_problem(found.error(), response);
    } else if (!*found) {
      answer_problem(no_such_batch(std::string{request->parameter()}), response);
    } else {
      write(**found, caller_of(service, *request), view, response);
    }
    add_view_headers(view, response);
    respond(std::move(response));
  };
  const auto asked = read_asked(*request);
  if (!asked) return answer(std::unexpected(asked.error()));
  find_batch(service, asked->id, asked->place, caller_of(service, *request), answer);
}

}  // namespace

http::Route get_batch(Service& service) {
  return {"GET",
          "/v1/batches/{id}",
          http::Choosing{
              when_shown(service,
                         [&service](const http::Request& request, const View& view, http::Response& response) {
                           return answer_at_once(service, request, view, response);
                         }),
              [&service](const std::shared_ptr<const http::Request>& request, const http::Respond& respond) {
                when_readable(
                    service, *request, 0, respond,
                    [&service, request, respond](const View& view) { answer_later(service, request, view, respond); },
                    http::Lane::store);
              }},
          "get_batch",
          guard(service, Need::any),
          http::Lane::store};
}

}  // namespace ratebook::api
