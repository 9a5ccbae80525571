// POST /v1/batches/{id}/retraction, with Prefer: wait=SECONDS: takes a committed batch out again, whole, as a new
// version; the record of it stays. 200 retracted and visible here, or before; 202 in the log; 404, 409 not committed,
// 429 too much of its source is waiting.
#include <fmt/format.h>

#include "api/access.hpp"
#include "api/backlog.hpp"
#include "api/batch_json.hpp"
#include "api/endpoints.hpp"
#include "api/query.hpp"
#include "api/reading.hpp"
#include "log/attempt.hpp"

namespace ratebook::api {
namespace {

class Retraction : public std::enable_shared_from_this<Retraction> {
 public:
  Retraction(Service& service, std::shared_ptr<const http::Request> request, http::Respond respond)
      : service_(service), request_(std::move(request)), respond_(std::move(respond)), id_(request_->parameter()) {}

  void run() {
    if (const auto problem = not_ready(service_.view())) return answer(*problem);
    if (const auto problem = Query{request_->query()}.check({})) return answer(*problem);
    if (!is_batch_id(id_)) return answer_unknown();
    const bool accepted = service_.outcomes.accepted(id_).has_value();
    const auto stored = service_.store.batch(id_);
    if (!stored) return answer(store_problem(stored.error()));
    if (!*stored) return accepted ? answer_not_committed("accepted") : answer_unknown();
    known_ = **stored;
    const Batch& batch = known_;
    if (!caller_of(service_, *request_).may_send(batch.header.source)) {
      return answer(wrong_source(batch.header.source, Need::send));
    }
    switch (batch.status) {
      case BatchStatus::accepted:
      case BatchStatus::rejected:
        return answer_not_committed(to_string(batch.status));
      case BatchStatus::retracted:
        return watch_then([](Outcomes::Watch) { return Result<void>{}; });
      case BatchStatus::committed:
        // Asked for again while it waits: its record is in the log.
        if (service_.outcomes.is_accepted(Outcomes::Awaited::retraction, id_)) {
          return watch_then([](Outcomes::Watch) { return Result<void>{}; });
        }
        if (const auto problem = too_much_waiting(service_, batch.header.source)) return answer(*problem);
        return watch_then([this, &batch](Outcomes::Watch watch) -> Result<void> {
          const auto place =
              log::put_retraction(service_.log, {id_, batch.header.source, service_.runtime.wall_time()});
          if (!place) return std::unexpected(place.error());
          service_.outcomes.accept(watch, batch.header);
          return {};
        });
    }
  }

 private:
  template <class Put>
  void watch_then(Put put) {
    const auto watch = service_.outcomes.watch(Outcomes::Awaited::retraction, id_);
    if (!watch) return answer({problems::overloaded, "too many batches are waiting here; ask again later", {}, {}});
    if (const Result<void> done = put(*watch); !done) {
      service_.outcomes.forget(*watch);
      return answer_not_put(done.error());
    }
    // It may have been visible before it was watched.
    if (shown_as_retracted()) {
      service_.outcomes.forget(*watch);
      return answer_batch();
    }
    const Duration wait = preferred_wait(*request_, service_.limits.wait_default, service_.limits.wait_max);
    service_.outcomes.await(*watch, wait, [self = shared_from_this()](const std::optional<Fate>& fate) {
      // A store that is silent does not keep a node that is about to end.
      if (!fate && self->service_.leaving) return self->answer_batch(self->known_);
      self->answer_batch();
    });
  }

  bool shown_as_retracted() const {
    const auto stored = service_.store.batch(id_);
    return stored && *stored && (*stored)->status == BatchStatus::retracted &&
           (*stored)->retracted_version <= service_.view().shown();
  }

  void answer_batch() {
    const auto stored = service_.store.batch(id_);
    if (!stored) return answer(store_problem(stored.error()));
    if (!*stored) return answer_unknown();
    answer_batch(**stored);
  }

  void answer_batch(const Batch& stored) {
    const auto view = service_.view();
    const Batch batch = as_shown(stored, view.shown());
    http::Response response;
    response.status = batch.status == BatchStatus::retracted ? 200 : 202;
    response.content_type = "application/json";
    add_view_headers(view, response);
    if (response.status == 202) response.headers.emplace_back("Location", "/v1/batches/" + id_);
    append_batch(response.body, batch);
    respond_(std::move(response));
  }

  void answer_not_put(const Fault& fault) {
    if (fault.failure == Failure::unknown) {
      return answer({problems::outcome_unknown,
                     "the retraction may or may not take effect; ask for it again: " + fault.message,
                     {},
                     {}});
    }
    answer({problems::not_accepted, "ask for it again later: " + fault.message, {}, {}});
  }

  void answer_not_committed(std::string_view status) {
    answer({problems::not_committed,
            fmt::format("batch {} is {}; only a committed batch can be retracted", id_, status),
            {},
            {}});
  }

  void answer_unknown() {
    answer({problems::unknown_batch,
            fmt::format("no batch has the id '{}'; GET /v1/batches lists them", id_.substr(0, 80)),
            {},
            {}});
  }

  void answer(const Problem& problem) {
    http::Response response;
    answer_with_view(problem, service_.view(), response);
    respond_(std::move(response));
  }

  Service& service_;
  std::shared_ptr<const http::Request> request_;
  http::Respond respond_;
  std::string id_;
  Batch known_;  ///< as the store had it when this began
};

}  // namespace

http::Route retract_batch(Service& service) {
  return {"POST",
          "/v1/batches/{id}/retraction",
          http::Deferred{[&service](std::shared_ptr<const http::Request> request, http::Respond respond) {
            std::make_shared<Retraction>(service, std::move(request), std::move(respond))->run();
          }},
          "retract_batch",
          guard(service, Need::send),
          http::Lane::log};
}

}  // namespace ratebook::api
