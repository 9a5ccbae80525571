// GET /v1/places: all regions and ports of the version that is shown here; its ETag is what a PUT names in If-Match.
#include "api/access.hpp"
#include "api/endpoints.hpp"
#include "api/query.hpp"
#include "api/reading.hpp"
#include "model/places_json.hpp"

namespace ratebook::api {
namespace {

void answer_places(const Service& service, const http::Request& request, const View& view, http::Response& response) {
  if (const auto problem = Query{request.query()}.check({})) return answer_problem(*problem, response);
  const auto head = service.store.places_head(view.book->version());
  if (!head) return answer_problem(store_problem(head.error()), response);
  const auto tag = entity_tag(head->version, head->chain);
  if (answer_not_modified(request, tag, response)) return;
  response.content_type = "application/json";
  response.headers.emplace_back("ETag", tag);
  response.body = places_json(view.book->places()->document());
}

}  // namespace

http::Route get_places(Service& service) {
  return {"GET",
          "/v1/places",
          reading(service, [&service](const http::Request& request, const View& view,
                                      http::Response& response) { answer_places(service, request, view, response); }),
          "get_places",
          guard(service, Need::any),
          http::Lane::store};
}

}  // namespace ratebook::api
