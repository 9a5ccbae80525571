// GET /livez: this process answers. GET /readyz: it holds every version that the store had when it started, and is not
// about to end, and its file, where it has one, is at its path; a load balancer sends requests here only then. A node
// whose log in Kafka is not its store's stays ready, for reads, and says that it takes no batches.
#include "api/endpoints.hpp"
#include "api/log_doubt.hpp"
#include "api/reading.hpp"
#include "json/writer.hpp"

namespace ratebook::api {

http::Route alive(Service& service) {
  return {"GET", "/livez", http::Immediate{[&service](const http::Request&, http::Response& response) {
            response.content_type = "application/json";
            response.body = R"({"status":"alive"})";
            add_view_headers(service.view(), response);
          }},
          "livez"};
}

http::Route ready(Service& service) {
  return {"GET", "/readyz", http::Immediate{[&service](const http::Request&, http::Response& response) {
            const auto view = service.view();
            if (service.leaving) {
              return answer_with_view({problems::not_ready, "it is about to end; ask another node", {}, {}}, view,
                                      response);
            }
            if (const auto problem = not_ready(view)) return answer_with_view(*problem, view, response);
            // Reads go on all the same: whoever asks this node gets an answer.
            if (const auto refusal = service.log.refusal()) {
              return answer_with_view({problems::not_ready, *refusal, {}, {}}, view, response);
            }
            response.content_type = "application/json";
            const auto refuses = why_not_accepting(service.log);
            {
              json::Object body{response.body};
              body.text("status", "ready");
              body.boolean("accepting", !refuses);
              if (refuses) body.text("not_accepting_because", *refuses);
            }
            add_view_headers(view, response);
          }},
          "readyz"};
}

}  // namespace ratebook::api
