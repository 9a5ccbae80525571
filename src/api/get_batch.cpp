// GET /v1/batches/{id}[?at=PARTITION-OFFSET]: where a batch stands. `at`, from the Location of a 202, lets a node
// answer for a batch that another one has accepted.
#include <fmt/format.h>

#include "api/access.hpp"
#include "api/batch_json.hpp"
#include "api/endpoints.hpp"
#include "api/query.hpp"
#include "api/reading.hpp"
#include "log/attempt.hpp"

namespace ratebook::api {
namespace {

std::expected<std::optional<log::Place>, Problem> read_place_in_log(const http::Request& request) {
  const Query query{request.query()};
  if (auto problem = query.check({"at"})) return std::unexpected(std::move(*problem));
  const auto text = query.get("at");
  if (!text) return std::nullopt;
  const auto place = log::parse_place(*text);
  if (!place) return std::unexpected(bad_parameter("at", "write it as the Location of the 202 has it, such as 3-1042"));
  return place;
}

// The store knows every decided batch; before that, this node remembers what it has accepted, and the log the rest. The
// order matters: a batch goes from the log to the store, so the store is asked last.
Result<std::optional<Batch>> find(const Service& service, const std::string& id,
                                  const std::optional<log::Place>& place) {
  const auto accepted = service.outcomes.accepted(id);
  auto stored = service.store.batch(id);
  if (!stored || *stored) return stored;
  if (accepted) return accepted_batch(*accepted);
  if (!place) return std::nullopt;
  const auto logged = log::find_batch(service.log, *place, id);
  if (!logged) return std::unexpected(logged.error());
  if (*logged) return accepted_batch(**logged);
  return service.store.batch(id);
}

void answer_batch(const Service& service, const http::Request& request, const View& view, http::Response& response) {
  const auto place = read_place_in_log(request);
  if (!place) return answer_problem(place.error(), response);
  const std::string id{request.parameter()};
  const Problem unknown{problems::unknown_batch,
                        fmt::format("no batch has the id '{}'; GET /v1/batches lists them", id.substr(0, 80)),
                        {},
                        {}};
  if (!is_batch_id(id)) return answer_problem(unknown, response);
  const auto batch = find(service, id, *place);
  if (!batch) return answer_problem(store_problem(batch.error()), response);
  if (!*batch) return answer_problem(unknown, response);
  if (!caller_of(service, request).may_see((*batch)->header.source)) {
    return answer_problem(wrong_source((*batch)->header.source, Need::read), response);
  }
  response.content_type = "application/json";
  append_batch(response.body, as_shown(**batch, view.shown()));
}

}  // namespace

http::Route get_batch(Service& service) {
  return {"GET",
          "/v1/batches/{id}",
          reading(service, [&service](const http::Request& request, const View& view,
                                      http::Response& response) { answer_batch(service, request, view, response); }),
          "get_batch",
          guard(service, Need::any),
          http::Lane::store};
}

}  // namespace ratebook::api
