// GET /v1/events: server-sent events of versions as they become visible on this node. Last-Event-ID goes on from there
// without a gap, or gets `event: reset` where that version is of another history or unknown.
#include "api/access.hpp"
#include "api/endpoints.hpp"
#include "api/query.hpp"
#include "api/reading.hpp"

namespace ratebook::api {

http::Route events(Service& service) {
  return {"GET", "/v1/events",
          http::Streaming{[&service](const std::shared_ptr<const http::Request>& request)
                              -> std::expected<http::Stream, http::Response> {
            const auto view = service.view();
            auto problem = not_ready(view);
            if (!problem) problem = Query{request->query()}.check({});
            http::Response headers;
            if (problem) {
              answer_with_view(*problem, view, headers);
              return std::unexpected(std::move(headers));
            }
            add_view_headers(view, headers);
            headers.headers.emplace_back("Cache-Control", "no-store");
            const auto listener = service.events.make_listener(permit_of(service, *request, Need::read));
            std::optional<std::string> last_event_id;
            if (const auto id = request->header("Last-Event-ID"); id && !id->empty()) last_event_id = *id;
            return http::Stream{.headers = std::move(headers.headers),
                                .start =
                                    [&service, listener, last_event_id](http::EventStream stream) {
                                      service.events.open(listener, std::move(stream), last_event_id);
                                    },
                                .closed = [&service, listener] { service.events.close(listener); }};
          }},
          "events", guard(service, Need::read)};
}

}  // namespace ratebook::api
