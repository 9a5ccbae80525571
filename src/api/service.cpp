#include "api/service.hpp"

#include "api/endpoints.hpp"
#include "api/log_doubt.hpp"

namespace ratebook::api {

IntakeCounts::IntakeCounts(obs::Metrics& metrics)
    : bytes(metrics.counter("ratebook_intake_bytes_total", "Bytes of bodies of batches.")),
      prices(metrics.counter("ratebook_intake_prices_total", "Prices of accepted batches.")),
      batches(metrics.counter("ratebook_intake_batches_total", "Batches, by what came of them.",
                              {{"outcome", "accepted"}})),
      refused(
          metrics.counter("ratebook_intake_batches_total", "Batches, by what came of them.", {{"outcome", "refused"}})),
      repeats(
          metrics.counter("ratebook_intake_batches_total", "Batches, by what came of them.", {{"outcome", "repeat"}})),
      rejected(metrics.counter("ratebook_intake_batches_total", "Batches, by what came of them.",
                               {{"outcome", "rejected"}})),
      unknown(metrics.counter("ratebook_intake_batches_total", "Batches, by what came of them.",
                              {{"outcome", "unknown"}})) {}

namespace {

intake::Limits with_spool_files(intake::Limits limits, intake::MemoryBudget& spool_files) {
  limits.spool_files = &spool_files;
  return limits;
}

}  // namespace

Service::Service(Parts parts, Limits limits_, intake::Limits intake_limits_)
    : runtime(parts.runtime),
      log(parts.log),
      store(parts.store),
      visible(parts.visible),
      metrics(parts.metrics),
      tokens(parts.tokens),
      limits(limits_),
      spool_files(limits.spool_bytes_max),
      intake_limits(with_spool_files(std::move(intake_limits_), spool_files)),
      memory(limits.intake_bytes_max),
      counts(parts.metrics),
      pool(runtime, limits.pool_threads),
      past(runtime, limits.past_threads, limits.past_waiting_max),
      replays(runtime, limits.replay_threads),
      appends(runtime, static_cast<unsigned>(limits.uploads.all_max), limits.uploads.all_max),
      retractions(runtime, limits.retractions_max, limits.retractions_max),
      questions(runtime, limits.questions),
      look_ups(log, runtime, limits.look_ups),
      abandons(log, runtime, limits.abandons),
      outcomes(
          store, visible, runtime, [this](std::function<void()> work) { pool.post(std::move(work)); }, limits.outcomes),
      backlog(outcomes, {limits.accepted_per_source_max, limits.accepted_max, limits.accepted_bytes_per_source_max,
                         limits.accepted_bytes_max}),
      uploads(limits.uploads),
      events(store, visible, [this](std::function<void()> work) { replays.post(std::move(work)); }),
      outcomes_task_(runtime, [this](const std::stop_token& stop) { outcomes.run(stop); }) {
  if (tokens != nullptr) tokens->subscribe([this] { events.end_forbidden(); });
  metrics.gauge("ratebook_intake_memory_bytes", "Memory that all intakes hold together.",
                [this] { return static_cast<double>(memory.bytes_taken()); });
  metrics.gauge("ratebook_waiting_requests", "Requests that wait for a batch's fate or for a version.",
                [this] { return static_cast<double>(outcomes.watched_count()); });
  metrics.gauge("ratebook_accepted_batches",
                "Batches and retractions that this node has accepted and that are not decided yet.",
                [this] { return static_cast<double>(outcomes.waiting().count); });
  metrics.gauge("ratebook_accepted_bytes", "What these batches hold in the log.",
                [this] { return static_cast<double>(outcomes.waiting().bytes); });
  metrics.gauge("ratebook_uploads", "Batches that are being received.",
                [this] { return static_cast<double>(uploads.count()); });
  metrics.gauge("ratebook_event_streams", "Open event streams.",
                [this] { return static_cast<double>(events.open_count()); });
  metrics.gauge("ratebook_version", "The version that this node shows.",
                [this] { return static_cast<double>(view().book->version()); });
  metrics.gauge("ratebook_book_prices", "Prices in the book.",
                [this] { return static_cast<double>(view().book->price_count()); });
  metrics.gauge("ratebook_book_bytes", "Memory of the book.",
                [this] { return static_cast<double>(view().book->bytes()); });
  metrics.gauge("ratebook_ready", "1: this node is ready.", [this] { return view().ready && !leaving ? 1.0 : 0.0; });
  metrics.gauge("ratebook_accepting", "1: this node takes batches, its log is the one that its store was written from.",
                [this] { return why_not_accepting(log) ? 0.0 : 1.0; });
  metrics.gauge("ratebook_confirmed_age_seconds", "How long ago the store confirmed the version shown as the newest.",
                [this] { return static_cast<double>(runtime.wall_time() - view().confirmed_at) / 1000.0; });
}

Service::~Service() {
  outcomes_task_.end();
  if (tokens != nullptr) tokens->subscribe(nullptr);
  // Before what their work uses is gone. Nobody is left who would get an answer.
  const auto each_of = [this](const auto& end) {
    for (Pool* each : {&appends, &retractions, &past, &replays, &pool}) end(*each);
    end(look_ups);
    end(questions);
  };
  each_of([](auto& each) { each.drop_waiting(); });
  each_of([](auto& each) { each.finish(); });
}

void Service::leave() {
  leaving = true;
  log.leave("it is about to end", log::Leave::for_good);
  outcomes.leave();
}

std::vector<http::Route> routes(Service& service) {
  return {rates_existing(service), rates(service),        query_rates(service), prices(service),
          post_batch(service),     list_batches(service), get_batch(service),   retract_batch(service),
          get_places(service),     put_places(service),   events(service),      alive(service),
          ready(service),          metrics_text(service), openapi(service)};
}

}  // namespace ratebook::api
