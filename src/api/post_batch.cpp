// POST /v1/batches[?source][&replaces][&dry_run=true], with Idempotency-Key and Prefer: wait=SECONDS: a batch, all or
// nothing. 201 committed and visible here, 202 in the log, 200 a repeat or a dry run, 409 a conflict, 4xx with what is
// wrong, 503 not taken or unknown: repeat it with the same key.
#include "api/post_batch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "api/access.hpp"
#include "api/batch_json.hpp"
#include "api/endpoints.hpp"
#include "api/headers.hpp"
#include "api/log_doubt.hpp"
#include "api/query.hpp"
#include "api/reading.hpp"
#include "json/writer.hpp"

namespace ratebook::api {

std::expected<PostedBatch, Problem> read_posted_batch(const http::Request& request) {
  PostedBatch posted;
  const Query query{request.query()};
  if (auto problem = query.check({"source", "replaces", "dry_run"})) return std::unexpected(std::move(*problem));
  auto body = read_body_headers(request);
  if (!body) return std::unexpected(std::move(body.error()));
  posted.body = *std::move(body);
  if (const auto source = query.get("source")) {
    if (!is_source(*source)) {
      return std::unexpected(
          bad_parameter("source", "write 1 to 64 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit"));
    }
    posted.source = *source;
  } else if (posted.body.format != intake::Format::json) {
    return std::unexpected(bad_parameter("source", "is missing; a body of this type cannot name it"));
  }
  if (const auto replaces = query.get("replaces")) {
    if (!is_batch_id(*replaces)) {
      return std::unexpected(bad_parameter("replaces", "write the id of a batch: 32 of 0-9 and a-f"));
    }
    posted.replaces = *replaces;
  }
  if (const auto dry_run = query.get("dry_run")) {
    if (*dry_run != "true" && *dry_run != "false") {
      return std::unexpected(bad_parameter("dry_run", "write true or false"));
    }
    posted.dry_run = *dry_run == "true";
  }
  if (const auto key = request.header("Idempotency-Key")) {
    if (!is_idempotency_key(*key)) {
      return std::unexpected(
          Problem{problems::bad_header, "Idempotency-Key: write 1 to 200 printable ASCII characters", {}, {}});
    }
    posted.key = *key;
  }
  return posted;
}

Problem refusal_problem(const intake::Refused& refused) {
  const auto kind = [&] {
    switch (refused.kind) {
      case intake::Refused::Kind::malformed:
        return problems::malformed_body;
      case intake::Refused::Kind::broken_coding:
        return problems::broken_encoding;
      case intake::Refused::Kind::digest_mismatch:
        return problems::digest_mismatch;
      case intake::Refused::Kind::invalid:
        return problems::invalid_batch;
      case intake::Refused::Kind::too_large:
        return problems::too_large;
      case intake::Refused::Kind::expands:
        return problems::compression_ratio;
      case intake::Refused::Kind::no_memory:
        return problems::overloaded;
      case intake::Refused::Kind::spool:
        return problems::not_accepted;
    }
    return problems::invalid_batch;
  }();
  Problem problem{kind, refused.detail, {}, refused.error_count};
  for (const auto& error : refused.errors) {
    problem.errors.push_back({error.index, error.line, error.field, error.code, error.message});
  }
  return problem;
}

namespace {

// One POST from its headers to its answer. Its steps run on worker threads, one after the other.
class Post : public std::enable_shared_from_this<Post> {
 public:
  Post(Service& service, std::shared_ptr<const http::Request> request, PostedBatch posted, Caller caller,
       std::unique_ptr<Uploads::Place> upload, std::shared_ptr<const PlaceTree> places)
      : service_(service),
        request_(std::move(request)),
        posted_(std::move(posted)),
        caller_(std::move(caller)),
        upload_(std::move(upload)),
        intake_(std::in_place,
                intake::Request{posted_.body.format, std::move(places), posted_.source, posted_.replaces,
                                posted_.body.coding, posted_.body.digests},
                service.intake_limits, service.memory) {}

  bool feed(std::string_view piece) {
    service_.counts.bytes.add(static_cast<double>(piece.size()));
    return intake_->feed(piece) && may_go_on();
  }

  void abandon() {
    intake_.reset();
    upload_.reset();
  }

  void finish(http::Respond respond) {
    respond_ = std::move(respond);
    caller_ = caller_of(service_, *request_);  // as the token stands now that all of the body has come
    if (refusal_) {
      intake_.reset();
      return answer(*refusal_);
    }
    auto decoded = intake_->finish();
    intake_.reset();  // its memory is not needed while this waits
    if (decoded && !caller_.may_send(decoded->source)) return answer(wrong_source(decoded->source, Need::send));
    if (!decoded) {
      service_.counts.refused.add();
      return answer(refusal_problem(decoded.error()));
    }
    header_ = header_of(*decoded);
    if (posted_.dry_run) return answer_dry_run();
    spool_.emplace(std::move(decoded->spool));
    // What waits for an engine waits on a thread of its own.
    if (!service_.appends.try_post([self = shared_from_this()] { self->submit(); })) answer(too_many());
  }

 private:
  /// As soon as the body has named its source: a batch that may not be sent is not read to its end.
  bool may_go_on() {
    const std::string_view source = intake_->source();
    if (source.empty()) return true;
    refusal_ = caller_.may_send(source) ? upload_->name(source) : wrong_source(source, Need::send);
    if (!refusal_ && !posted_.dry_run) refusal_ = another_log(service_.log, std::string{source});
    return !refusal_;
  }

  BatchHeader header_of(const intake::Decoded& decoded) const {
    BatchHeader header{.source = decoded.source,
                       .key = posted_.key.empty() ? random_id(service_.runtime) : posted_.key,
                       .digest = decoded.digest,
                       .price_count = decoded.price_count,
                       .accepted_at = service_.runtime.wall_time(),
                       .replaces = posted_.replaces};
    header.id = batch_id(header.source, header.key, header.digest);
    return header;
  }

  void answer_dry_run() {
    const auto view = service_.view();
    http::Response response = response_with(200, view);
    {
      json::Object object{response.body};
      object.boolean("dry_run", true);
      object.text("id", header_.id);
      object.text("source", header_.source);
      object.text("idempotency_key", header_.key);
      object.number("price_count", header_.price_count);
      object.text("digest", hex(header_.digest));
    }
    respond(std::move(response));
  }

  void submit() {
    if (answer_if_decided()) return;
    auto place = service_.backlog.enter(header_.source, spool_->bytes());
    if (!place) return answer(place.error());
    put(std::exchange(spool_, std::nullopt).value());
  }

  /// What the store has decided under this key.
  struct Decided {
    std::optional<Batch> same_key;
    std::optional<Batch> same;
  };
  static std::optional<Decided> decided(store::Store& store, const BatchHeader& header) {
    auto same_key = store.batch_by_key(header.source, header.key);
    if (!same_key) return std::nullopt;  // nor would the next question be answered
    auto same = store.batch(header.id);
    if (!same) return std::nullopt;
    return Decided{*std::move(same_key), *std::move(same)};
  }

  // What the store has decided already needs no log. A store that does not answer soon is no reason to refuse: the
  // writer decides in the end.
  bool answer_if_decided() {
    if (posted_.key.empty()) return false;
    const auto asked = service_.questions.ask<std::optional<Decided>>(
        [&store = service_.store, header = header_] { return decided(store, header); });
    const auto decided = asked.value_or(std::nullopt);
    if (!decided) return false;
    if (decided->same_key && decided->same_key->header.id != header_.id) {
      Batch rejected = accepted_batch(header_);
      rejected.rejection = Rejection::key_conflict;
      return answer(rejection_problem(rejected)), true;
    }
    if (!decided->same) return false;
    if (decided->same->status == BatchStatus::rejected) return answer(rejection_problem(*decided->same)), true;
    await_repeat(*decided->same);
    return true;
  }

  // Committed before, maybe not yet visible here.
  void await_repeat(const Batch& same) {
    spool_.reset();
    upload_.reset();
    const auto before = service_.view();
    const auto watch = service_.outcomes.watch(Outcomes::Awaited::commit, header_.id);
    if (!watch) return answer_repeat();
    // Looked at while it is watched: no step falls in between.
    if (same.version <= service_.view().shown()) {
      service_.outcomes.forget(*watch);
      return answer_as_repeat(same, service_.view());
    }
    service_.outcomes.await(*watch, wait(), [self = shared_from_this(), same, before](const std::optional<Fate>& fate) {
      if (fate) return self->answer_repeat();
      self->answer_as_repeat(same, before);  // as it was when it was found
    });
  }

  void put(const intake::Spool& spool) {
    const auto watch = service_.outcomes.watch(Outcomes::Awaited::commit, header_.id);
    if (!watch) return answer({problems::overloaded, "too many batches are waiting here; send it again later", {}, {}});
    log_since_.emplace(service_.log, header_.source);
    const auto submitted = log::put_batch(
        service_.log, service_.runtime, header_, spool.chunk_count(),
        [&](std::size_t index) { return spool.read(index); }, log::tries_max, service_.limits.attempt_time_max,
        [&](std::uint32_t partition, const std::string& attempt) { service_.abandons.add(partition, attempt); });
    upload_.reset();  // from here on it only waits
    if (!submitted) {
      service_.outcomes.forget(*watch);
      return answer_not_submitted(submitted.error());
    }
    service_.counts.batches.add();
    service_.counts.prices.add(static_cast<double>(header_.price_count));
    attempt_ = submitted->attempt;
    place_ = submitted->last;
    service_.outcomes.accept(*watch, header_, spool.bytes());
    service_.outcomes.await(*watch, wait(),
                            [self = shared_from_this()](const std::optional<Fate>& fate) { self->answer_fate(fate); });
  }

  void answer_not_submitted(const Fault& fault) {
    if (fault.failure == Failure::unknown) return answer_unknown(fault.message);
    answer({problems::not_accepted, "send it again later: " + fault.message, {}, {}});
  }

  void answer_unknown(const std::string& why) {
    service_.counts.unknown.add();
    answer({problems::outcome_unknown,
            "the batch may or may not be in; send it again with the same Idempotency-Key: " + why,
            {},
            {}});
  }

  void answer_fate(const std::optional<Fate>& fate) {
    if (!fate) return answer_accepted();
    if (const auto* row = std::get_if<VersionRow>(&*fate)) {
      if (row->attempt != attempt_) return answer_repeat();
      // Shown no more: the store has another history by now, into which the log will bring it.
      if (row->version > service_.view().shown()) return answer_accepted();
      return answer_committed(*row);
    }
    const auto& batch = std::get<Batch>(*fate);
    if (batch.status == BatchStatus::rejected) {
      service_.counts.rejected.add();
      return answer(rejection_problem(batch));
    }
    if (batch.attempt != attempt_) return answer_repeat();
    const auto view = service_.view();
    const Batch shown = as_shown(batch, view.shown());
    answer_batch(shown, shown.status == BatchStatus::accepted ? 202 : 201, view);
  }

  void answer_committed(const VersionRow& row) {
    Batch batch = accepted_batch(header_);
    batch.status = BatchStatus::committed;
    batch.attempt = row.attempt;
    batch.version = row.version;
    batch.committed_at = row.committed_at;
    answer_batch(batch, 201, service_.view());
  }

  void answer_accepted() { answer_batch(accepted_batch(header_), 202, service_.view()); }

  // Nothing but the store knows what the first attempt under the key was told.
  void answer_repeat() {
    service_.questions.post([self = shared_from_this()] {
      const auto stored = self->service_.store.batch(self->header_.id);
      if (!stored) return self->answer(store_problem(stored.error()));
      if (!*stored) return self->answer_accepted();
      self->answer_as_repeat(**stored, self->service_.view());
    });
  }

  void answer_as_repeat(const Batch& stored, const View& view) {
    service_.counts.repeats.add();
    const Batch batch = as_shown(stored, view.shown());
    answer_batch(batch, batch.status == BatchStatus::accepted ? 202 : 200, view);
  }

  void answer_batch(const Batch& batch, unsigned status, const View& view) {
    // Not decided yet: nothing but the log vouches for it.
    if (batch.status == BatchStatus::accepted && place_) {
      if (const auto why = log_since_->doubt()) return answer_unknown(*why);
    }
    http::Response response = response_with(status, view);
    std::string location = "/v1/batches/" + header_.id;
    if (batch.status == BatchStatus::accepted && place_) location += "?at=" + log::format_place(*place_);
    response.headers.emplace_back("Location", std::move(location));
    append_batch(response.body, batch);
    respond(std::move(response));
  }

  static Problem too_many() {
    return {problems::overloaded, "too many batches are on their way into the log; send it again later", {}, {}};
  }

  void answer(const Problem& problem) {
    http::Response response = problem_response(problem);
    add_common(response, service_.view());
    respond(std::move(response));
  }

  /// Its place is free before the client knows that it may send the next one.
  void respond(http::Response response) {
    spool_.reset();
    upload_.reset();
    respond_(std::move(response));
  }

  http::Response response_with(unsigned status, const View& view) const {
    http::Response response;
    response.status = status;
    response.content_type = "application/json";
    add_common(response, view);
    return response;
  }

  void add_common(http::Response& response, const View& view) const {
    add_view_headers(view, response);
    const std::string& key = header_.key.empty() ? posted_.key : header_.key;
    if (!key.empty()) response.headers.emplace_back("Idempotency-Key", key);
  }

  Duration wait() const { return preferred_wait(*request_, service_.limits.wait_default, service_.limits.wait_max); }

  Service& service_;
  std::shared_ptr<const http::Request> request_;
  PostedBatch posted_;
  Caller caller_;
  std::unique_ptr<Uploads::Place> upload_;  ///< until it is in the log, or answered
  std::optional<Problem> refusal_;
  std::optional<intake::Intake> intake_;
  std::optional<intake::Spool> spool_;  ///< from its last byte on, until it is in the log
  http::Respond respond_;
  BatchHeader header_;
  std::string attempt_;
  std::optional<log::Place> place_;
  std::optional<LogSince> log_since_;  ///< where it was put into the log
};

// What comes compressed shows its size only as it is decompressed.
std::optional<Problem> announced_too_large(const http::Request& request, const BodyHeaders& body,
                                           const intake::Limits& limits) {
  const bool is_json = body.format == intake::Format::json;
  const std::size_t bytes_max =
      is_json ? std::min(limits.json_body_bytes_max, limits.body_bytes_max) : limits.body_bytes_max;
  if (body.coding != intake::Coding::identity || request.content_length().value_or(0) <= bytes_max) return std::nullopt;
  return Problem{problems::too_large,
                 fmt::format("a body of this type may have {} bytes; send several batches{}", bytes_max,
                             is_json ? ", or NDJSON or CSV, which may be larger" : ""),
                 {},
                 {}};
}

std::expected<http::Upload, http::Response> begin(Service& service, std::shared_ptr<const http::Request> request) {
  const auto view = service.view();
  const auto refuse = [&](const Problem& problem) {
    http::Response response;
    answer_with_view(problem, view, response);
    add_accepted(problem, response);
    return std::unexpected(std::move(response));
  };
  if (const auto problem = not_ready(view)) return refuse(*problem);
  if (const auto refusal = service.log.refusal()) return refuse({problems::not_accepted, *refusal, {}, {}});
  auto posted = read_posted_batch(*request);
  if (!posted) return refuse(posted.error());
  Caller caller = caller_of(service, *request);
  if (!posted->source.empty() && !caller.may_send(posted->source)) {
    return refuse(wrong_source(posted->source, Need::send));
  }
  if (view.book->places()->port_count() == 0) {
    return refuse({problems::no_places, "PUT /v1/places first: a batch names ports", {}, {}});
  }
  if (const auto problem = announced_too_large(*request, posted->body, service.intake_limits)) return refuse(*problem);
  const std::string source = posted->source.empty() ? caller.only_source().value_or("") : posted->source;
  if (const auto problem = source.empty() ? std::nullopt : service.backlog.too_much(source)) return refuse(*problem);
  if (const auto problem = source.empty() || posted->dry_run ? std::nullopt : another_log(service.log, source)) {
    return refuse(*problem);
  }
  auto upload = service.uploads.enter(source);
  if (!upload) return refuse(upload.error());
  const auto post = std::make_shared<Post>(service, std::move(request), std::move(*posted), std::move(caller),
                                           *std::move(upload), view.book->places());
  return http::Upload{.feed = [post](std::string_view piece) { return post->feed(piece); },
                      .finish = [post](http::Respond respond) { post->finish(std::move(respond)); },
                      .abandon = [post] { post->abandon(); }};
}

}  // namespace

http::Route post_batch(Service& service) {
  return {"POST",
          "/v1/batches",
          http::Uploading{
              [&service](std::shared_ptr<const http::Request> request) { return begin(service, std::move(request)); }},
          "post_batch",
          guard(service, Need::send),
          http::Lane::upload};
}

}  // namespace ratebook::api
