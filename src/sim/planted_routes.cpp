#include "sim/planted_routes.hpp"

#include <algorithm>
#include <utility>

#include "api/batch_json.hpp"

namespace ratebook::sim {
namespace {

http::Route& named(std::vector<http::Route>& routes, std::string_view name) {
  return *std::ranges::find(routes, name, &http::Route::name);
}

/// A batch that the store has is said to be committed, whether this node shows it or not.
http::Respond hasty(store::Store& store, http::Respond respond) {
  return [&store, respond = std::move(respond)](http::Response response) {
    const auto location = std::ranges::find(response.headers, "Location", &std::pair<std::string, std::string>::first);
    if (response.status == 202 && location != response.headers.end()) {
      const auto id = location->second.substr(location->second.rfind('/') + 1, 32);
      const auto batch = store.batch(id);
      if (batch && *batch && (*batch)->version > 0) {
        response.status = 200;
        response.body.clear();
        api::append_batch(response.body, **batch);
      }
    }
    respond(std::move(response));
  };
}

http::Handler answering_before_visible(store::Store& store, http::Handler handler) {
  return http::Uploading{
      [&store, begin = std::get<http::Uploading>(std::move(handler))](
          std::shared_ptr<const http::Request> request) -> std::expected<http::Upload, http::Response> {
        auto upload = begin(std::move(request));
        if (!upload) return upload;
        return http::Upload{.feed = upload->feed,
                            .finish = [&store, finish = upload->finish](
                                          http::Respond respond) { finish(hasty(store, std::move(respond))); },
                            .abandon = upload->abandon};
      }};
}

http::Handler asking_the_store_first(store::Store& store, http::Handler handler) {
  return http::Deferred{[&store, choosing = std::get<http::Choosing>(std::move(handler))](
                            std::shared_ptr<const http::Request> request, http::Respond respond) {
    http::Response response;
    if (!store.head()) {
      response.status = 503;
      return respond(std::move(response));
    }
    if (choosing.at_once(*request, response)) return respond(std::move(response));
    choosing.later(std::move(request), std::move(respond));
  }};
}

}  // namespace

std::vector<http::Route> planted_routes(const Ground& ground, store::Store& store, std::vector<http::Route> routes) {
  if (ground.settings.planted(Plant::answer_before_visible)) {
    http::Route& post = named(routes, "post_batch");
    post.handler = answering_before_visible(store, std::move(post.handler));
  }
  if (ground.settings.planted(Plant::reads_wait_for_store)) {
    http::Route& rates = named(routes, "rates");
    rates.handler = asking_the_store_first(store, std::move(rates.handler));
  }
  return routes;
}

}  // namespace ratebook::sim
