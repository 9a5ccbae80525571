// PUT /v1/places, with If-Match: replaces all places as a new version; ports that are not named are closed. 200 visible
// here, 412 other places stand there, 428 If-Match is missing (the first places need none), 422 with what is wrong.
#include <fmt/format.h>

#include "api/access.hpp"
#include "api/endpoints.hpp"
#include "api/places_document.hpp"
#include "api/reading.hpp"
#include "api/small_body.hpp"
#include "model/places_json.hpp"

namespace ratebook::api {
namespace {

class Put : public std::enable_shared_from_this<Put> {
 public:
  Put(Service& service, std::shared_ptr<const http::Request> request, http::Respond respond)
      : service_(service), request_(std::move(request)), respond_(std::move(respond)) {}

  void run(const std::string& body) {
    const auto places = read_places(body);
    if (!places) return answer(places.error());
    const auto expected = expected_tag();
    if (!expected) return answer(expected.error());
    const auto version = service_.store.put_places(*places, *expected, service_.runtime.wall_time());
    if (!version) return answer(put_problem(version.error()));
    // The tag is that of this change, also where another one follows.
    const auto head = service_.store.places_head(*version);
    if (!head) return answer(unsure(head.error().message));
    when_visible(
        service_, *version, service_.limits.wait_default, respond_,
        [self = shared_from_this(), head = *head](const View& view) { self->answer_places(head, view); },
        http::Lane::store);
  }

 private:
  // The tag that the store has to find, without quotes; nullopt: no places yet.
  std::expected<std::optional<std::string>, Problem> expected_tag() const {
    const auto newest = service_.store.head();
    if (!newest) return std::unexpected(store_problem(newest.error()));
    const auto head = service_.store.places_head(newest->version);
    if (!head) return std::unexpected(store_problem(head.error()));
    const auto match = request_->header("If-Match");
    const std::string tag = entity_tag(head->version, head->chain);
    if (match && !names_tag(*match, tag, Comparison::strong)) {
      return std::unexpected(
          Problem{problems::places_changed,
                  fmt::format("the places that stand there have the tag {}; GET them and try again", tag),
                  {},
                  {}});
    }
    if (head->version == 0) return std::nullopt;
    if (!match) {
      return std::unexpected(Problem{problems::if_match_missing,
                                     "name the ETag of the places that you replace, as GET /v1/places gives it",
                                     {},
                                     {}});
    }
    return version_tag(head->version, head->chain);
  }

  static Problem put_problem(const Fault& fault) {
    if (fault.failure == Failure::conflict) {
      return {problems::places_changed, "GET the places and try again: " + fault.message, {}, {}};
    }
    if (fault.failure == Failure::unknown) return unsure(fault.message);
    return store_problem(fault);
  }

  static Problem unsure(const std::string& why) {
    return {problems::outcome_unknown, "GET the places to see whether they are yours: " + why, {}, {}};
  }

  void answer_places(const store::Head& head, const View& view) {
    // A store that was restored meanwhile may have another version of that number.
    const auto now = service_.store.places_head(head.version);
    if (!now) return answer(unsure(now.error().message));
    if (now->version != head.version || now->chain != head.chain) return answer(unsure("the store was restored"));
    http::Response response;
    response.content_type = "application/json";
    response.headers.emplace_back("ETag", entity_tag(head.version, head.chain));
    add_view_headers(view, response);
    response.body = places_json(view.book->places()->document());
    respond_(std::move(response));
  }

  void answer(const Problem& problem) {
    http::Response response;
    answer_with_view(problem, service_.view(), response);
    respond_(std::move(response));
  }

  Service& service_;
  std::shared_ptr<const http::Request> request_;
  http::Respond respond_;
};

}  // namespace

http::Route put_places(Service& service) {
  return {"PUT",
          "/v1/places",
          reading_body(
              service, service.limits.places_body_bytes_max,
              [&service](std::shared_ptr<const http::Request> request, const std::string& body, http::Respond respond) {
                std::make_shared<Put>(service, std::move(request), std::move(respond))->run(body);
              }),
          "put_places",
          guard(service, Need::operate),
          http::Lane::store};
}

}  // namespace ratebook::api
