// POST /v1/batches/{id}/retraction[?at=PARTITION-OFFSET], with Prefer: wait=SECONDS: takes a committed batch out again,
// whole, as a new version; the record of it stays. 200 retracted and visible here, or before; 202 in the log; 404, 409
// not committed, 429 too much of its source is waiting. `at`, from the Location of a 202, lets a node know a batch that
// another one has accepted.
#include <fmt/format.h>

#include "api/access.hpp"
#include "api/batch_json.hpp"
#include "api/endpoints.hpp"
#include "api/find_batch.hpp"
#include "api/log_doubt.hpp"
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
    view_ = service_.view();
    if (const auto problem = not_ready(view_)) return answer(*problem);
    const Query query{request_->query()};
    if (const auto problem = query.check({"at"})) return answer(*problem);
    const auto place = read_place_in_log(query);
    if (!place) return answer(place.error());
    if (!is_batch_id(id_)) return answer(no_such_batch(id_));
    find_batch(service_, id_, *place, caller_of(service_, *request_),
               [self = shared_from_this()](Found found) { self->go_on(std::move(found)); });
  }

 private:
  void go_on(Found found) {
    if (!found) return answer(found.error());
    if (!*found) return answer(no_such_batch(id_));
    batch_ = **std::move(found);
    if (!caller_of(service_, *request_).may_send(batch_.header.source)) {
      return answer(wrong_source(batch_.header.source, Need::send));
    }
    switch (batch_.status) {
      case BatchStatus::accepted:
      case BatchStatus::rejected:
        return answer_not_committed();
      case BatchStatus::retracted:
        return await_shown();
      case BatchStatus::committed:
        // Asked for again while it waits: its record is in the log.
        if (service_.outcomes.is_accepted(Outcomes::Awaited::retraction, id_)) return await_shown();
        // What waits for the log waits on a thread of its own.
        if (!service_.retractions.try_post([self = shared_from_this()] { self->put(); })) {
          answer({problems::overloaded, "too many retractions are on their way into the log; ask again later", {}, {}});
        }
    }
  }

  void put() {
    const auto place = service_.backlog.enter(batch_.header.source);
    if (!place) return answer(place.error());
    const auto watch = service_.outcomes.watch(Outcomes::Awaited::retraction, id_);
    if (!watch) return answer(too_many_wait());
    log_since_.emplace(service_.log, batch_.header.source);
    const auto put = log::put_retraction(service_.log, {id_, batch_.header.source, service_.runtime.wall_time()});
    if (!put) {
      service_.outcomes.forget(*watch);
      return answer_not_put(put.error());
    }
    service_.outcomes.accept(*watch, batch_.header);
    await(*watch);
  }

  void await_shown() {
    const auto watch = service_.outcomes.watch(Outcomes::Awaited::retraction, id_);
    if (!watch) return answer(too_many_wait());
    await(*watch);
  }

  // No answer needs the store again. Where nothing becomes visible in time, it is what it was when it was found.
  void await(Outcomes::Watch watch) {
    if (batch_.status == BatchStatus::retracted && batch_.retracted_version <= service_.view().shown()) {
      service_.outcomes.forget(watch);
      return answer_batch(batch_, service_.view());
    }
    const Duration wait = preferred_wait(*request_, service_.limits.wait_default, service_.limits.wait_max);
    service_.outcomes.await(watch, wait, [self = shared_from_this()](const std::optional<Fate>& fate) {
      if (!fate) return self->answer_batch(self->batch_, self->view_);
      self->answer_batch(self->become(*fate), self->service_.view());
    });
  }

  Batch become(const Fate& fate) const {
    if (const auto* stored = std::get_if<Batch>(&fate)) return *stored;
    Batch batch = batch_;
    batch.status = BatchStatus::retracted;
    batch.retracted_version = std::get<VersionRow>(fate).version;
    return batch;
  }

  void answer_batch(const Batch& found, const View& view) {
    const Batch batch = as_shown(found, view.shown());
    if (batch.status != BatchStatus::retracted && log_since_) {
      if (const auto why = log_since_->doubt()) return answer_unknown(*why);
    }
    http::Response response;
    response.status = batch.status == BatchStatus::retracted ? 200 : 202;
    response.content_type = "application/json";
    add_view_headers(view, response);
    if (response.status == 202) response.headers.emplace_back("Location", "/v1/batches/" + id_);
    append_batch(response.body, batch);
    respond_(std::move(response));
  }

  void answer_not_put(const Fault& fault) {
    if (fault.failure == Failure::unknown) return answer_unknown(fault.message);
    answer({problems::not_accepted, "ask for it again later: " + fault.message, {}, {}});
  }

  void answer_unknown(const std::string& why) {
    answer({problems::outcome_unknown, "the retraction may or may not take effect; ask for it again: " + why, {}, {}});
  }

  void answer_not_committed() {
    answer({problems::not_committed,
            fmt::format("batch {} is {}; only a committed batch can be retracted", id_, to_string(batch_.status)),
            {},
            {}});
  }

  static Problem too_many_wait() {
    return {problems::overloaded, "too many batches are waiting here; ask again later", {}, {}};
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
  View view_;                          ///< when it was asked for
  Batch batch_;                        ///< as it was found then, or later
  std::optional<LogSince> log_since_;  ///< where its record was put into the log
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
          http::Lane::store};
}

}  // namespace ratebook::api
