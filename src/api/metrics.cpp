// GET /metrics: Prometheus text format.
#include "api/access.hpp"
#include "api/endpoints.hpp"
#include "api/reading.hpp"

namespace ratebook::api {

http::Route metrics_text(Service& service) {
  return {"GET", "/metrics",
          http::Deferred{[&service](const std::shared_ptr<const http::Request>&, const http::Respond& respond) {
            http::Response response;
            response.content_type = "text/plain; version=0.0.4; charset=utf-8";
            response.body = service.metrics.text();
            add_view_headers(service.view(), response);
            respond(std::move(response));
          }},
          "metrics", guard(service, Need::read)};
}

}  // namespace ratebook::api
