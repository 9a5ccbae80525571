// The endpoints, one file each; routes() lists them.
#pragma once
#include "api/service.hpp"
#include "http/http.hpp"

namespace ratebook::api {

http::Route rates_existing(Service& service);  ///< GET /rates
http::Route rates(Service& service);           ///< GET /v1/rates
http::Route query_rates(Service& service);     ///< POST /v1/rates/query
http::Route prices(Service& service);          ///< GET /v1/prices
http::Route post_batch(Service& service);      ///< POST /v1/batches
http::Route get_batch(Service& service);       ///< GET /v1/batches/{id}
http::Route list_batches(Service& service);    ///< GET /v1/batches
http::Route retract_batch(Service& service);   ///< POST /v1/batches/{id}/retraction
http::Route get_places(Service& service);      ///< GET /v1/places
http::Route put_places(Service& service);      ///< PUT /v1/places
http::Route events(Service& service);          ///< GET /v1/events
http::Route alive(Service& service);           ///< GET /livez
http::Route ready(Service& service);           ///< GET /readyz
http::Route metrics_text(Service& service);    ///< GET /metrics
http::Route openapi(Service& service);         ///< GET /openapi.json

}  // namespace ratebook::api
