// GET /openapi.json: this contract, for machines. The document is src/api/openapi.json, built into the program.
#include "api/endpoints.hpp"
#include "api/openapi_document.hpp"
#include "api/reading.hpp"

namespace ratebook::api {

http::Route openapi(Service& service) {
  return {"GET", "/openapi.json", http::Immediate{[&service](const http::Request&, http::Response& response) {
            response.content_type = "application/json";
            response.body = openapi_document();
            add_view_headers(service.view(), response);
          }},
          "openapi"};
}

}  // namespace ratebook::api
