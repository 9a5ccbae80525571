#include "sim/node.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "model/packed_chunk.hpp"
#include "sim/planted_routes.hpp"
#include "writer/tracker.hpp"

namespace ratebook::sim {

using std::chrono::hours;
using std::chrono::milliseconds;

namespace {

/// Small bounds, so that small batches reach the paths of large ones.
writer::WriterOptions writer_options(const Ground& ground, const std::string& name, const follower::Visible& visible) {
  Random& random = ground.scheduler.random();
  writer::WriterOptions options;
  options.attempt_time_max = ground.settings.attempt_time_max;
  options.read_wait = milliseconds{200};
  options.retry_wait = milliseconds{50};
  options.stall_time_max = random.between(milliseconds{100}, milliseconds{3000});
  options.read_bytes_max = random.chance(0.5) ? 2 : 4000;  // one byte alone is a look-up
  options.held_bytes_max = random.chance(0.5) ? 300 : 1u << 20;
  options.small_batch_chunks = random.below(3);
  options.decisions_per_publish = 1 + random.below(4);
  if (random.chance(0.3)) options.pending_max = 1 + random.below(8);
  if (ground.settings.crowded) {
    options.read_bytes_max = 1u << 16;
    options.small_batch_chunks = 1 + random.below(2);
    options.pending_max = 1000;
  }
  // An assignment must last until all is read that an open attempt keeps the position from passing.
  if (ground.settings.restless) options.read_bytes_max = 1u << 16;
  if (ground.settings.planted(Plant::sources_by_name)) {
    options.goes_before = [](const writer::Pending& left, const writer::Pending& right) {
      return std::tie(left.source, left.last) < std::tie(right.source, right.last);
    };
  }
  options.history = [&visible] { return visible.histories(); };
  options.trim_interval = 1 + static_cast<Offset>(random.below(8));
  options.report = [ground, name](const Fault& fault) { ground.scheduler.note(name, "writer", {}, fault.message); };
  return options;
}

follower::FollowerOptions follower_options(const Ground& ground, const std::string& name) {
  Random& random = ground.scheduler.random();
  follower::FollowerOptions options;
  options.poll_interval = milliseconds{300};
  options.confirmations_at_once = 1 + random.below(4);
  options.confirmation_interval = random.between(milliseconds{1}, milliseconds{60});
  options.proof_wait = random.between(milliseconds{0}, milliseconds{40});
  options.rows_per_step = 1 + random.below(4);
  options.prices_per_step_max = 1 + random.below(20);
  // A step costs a confirmation, of which there are few: of a thousand versions many go together.
  if (ground.settings.crowded) {
    options.rows_per_step = 64;
    options.prices_per_step_max = 200;
  }
  options.prices_per_merge = 1 + random.below(20);
  options.report = [ground, name](const Fault& fault) {
    ground.scheduler.note(name, "follower", {}, fault.message);
    // With one history only, a node never has reason to drop what it shows.
    if (ground.server.restore_count > 0) return;
    if (fault.failure == Failure::conflict || fault.failure == Failure::damaged) {
      ground.checks.violated("4 order", fmt::format("{} reports: {}", name, fault.message));
    }
  };
  return options;
}

writer::LogCheckOptions log_check_options(const Ground& ground, const std::string& name) {
  return {
      .report = [ground, name](const Fault& fault) { ground.scheduler.note(name, "log check", {}, fault.message); }};
}

std::unique_ptr<log::Log> make_writers_log(const Ground& ground, log::Log& log) {
  if (ground.settings.planted(Plant::given_up_by_time_alone)) return std::make_unique<ForgetfulLog>(log);
  if (ground.settings.planted(Plant::position_digest_unchecked))
    return std::make_unique<TrustedLog>(log, ground.broker);
  return nullptr;
}

/// A planted bug: with each assignment the clock begins at zero.
Runtime with_clock_that_restarts(Runtime runtime, log::Log& log) {
  struct State {
    std::uint64_t generation = 0;
    BootTime began{};
  };
  runtime.boot_time = [&log, clock = runtime.boot_time, state = std::make_shared<State>()] {
    const std::uint64_t generation = log.assignment().generation;
    if (std::exchange(state->generation, generation) != generation) state->began = clock();
    return clock() - state->began;
  };
  return runtime;
}

Chunk chunk_of(std::span<const Price> prices) {
  Chunk chunk;
  const auto index = [&](PortCode code) {
    const auto found = std::ranges::find(chunk.ports, code);
    if (found == chunk.ports.end()) chunk.ports.push_back(code);
    return static_cast<std::uint16_t>(std::ranges::find(chunk.ports, code) - chunk.ports.begin());
  };
  for (const Price& price : prices) {
    const std::uint16_t orig = index(price.orig);
    chunk.items.push_back({orig, index(price.dest), price.day, price.amount});
  }
  return chunk;
}

/// Small bounds, so that few requests reach the paths of many.
api::Limits api_limits(const Ground& ground) {
  Random& random = ground.scheduler.random();
  const Settings& settings = ground.settings;
  api::Limits limits;
  limits.attempt_time_max = settings.planted(Plant::late_acknowledgement_counts) ? hours{1} : settings.attempt_time_max;
  limits.min_version_wait =
      settings.planted(Plant::version_not_awaited) ? Duration{0} : Duration{settings.min_version_wait};
  limits.pool_threads = 1 + static_cast<unsigned>(random.below(3));
  limits.questions.threads = 1 + static_cast<unsigned>(random.below(4));
  limits.questions.waiting_max = 1 + random.below(8);
  limits.questions.answer_time_max = random.between(milliseconds{50}, milliseconds{1000});
  limits.questions.rest = random.between(milliseconds{1}, milliseconds{1000});
  limits.look_ups.threads = 1 + static_cast<unsigned>(random.below(2));
  limits.look_ups.waiting_max = 1 + random.below(8);
  limits.past_threads = 1;
  limits.abandons = {.queued_max = 1 + random.below(20),
                     .keep_time_max = 2 * settings.attempt_time_max,
                     .rest = milliseconds{1 + random.below(500)}};
  limits.outcomes.poll_interval = random.between(milliseconds{100}, milliseconds{400});
  limits.outcomes.polled_per_round = 1 + random.below(8);
  if (random.chance(0.2)) limits.outcomes.accepted_max = 1 + random.below(4);
  if (random.chance(0.1)) limits.outcomes.watched_max = 1 + random.below(4);
  if (random.chance(0.2)) limits.uploads.all_max = 1 + random.below(4);
  if (random.chance(0.2)) limits.accepted_per_source_max = 1 + random.below(4);
  if (random.chance(0.1)) limits.accepted_max = 1 + random.below(8);
  if (random.chance(0.2)) limits.retractions_max = 1;
  return limits;
}

intake::Limits intake_limits(const Ground& ground) {
  intake::Limits limits;
  limits.chunk_items_max = 1 + ground.scheduler.random().below(ground.settings.prices_max);
  return limits;
}

/// A planted bug: whichever attempt counted, it was this node's.
follower::Step with_own_attempts(follower::Step step, WatchedLog& log) {
  for (VersionRow& row : step.rows) {
    if (const auto& own = log.newest_attempt(row.batch_id); !own.empty()) row.attempt = own;
  }
  return step;
}

}  // namespace

std::vector<std::string> pack_chunks(std::span<const Price> prices, std::size_t chunk_count) {
  std::vector<std::string> chunks;
  const std::size_t each = (prices.size() + chunk_count - 1) / chunk_count;
  for (std::size_t from = 0; from < prices.size(); from += each) {
    pack_chunk(chunk_of(prices.subspan(from, std::min(each, prices.size() - from))), chunks.emplace_back());
  }
  return chunks;
}

Node::Life::Life(const Ground& ground, const std::string& name, const std::shared_ptr<Clocks>& clocks)
    : process(ground.scheduler.make_process(name)),
      runtime(make_runtime(ground.scheduler, clocks, process)),
      log(ground.scheduler, ground.settings, ground.broker, name, runtime),
      watched_log(log, ground.broker),
      writers_log(make_writers_log(ground, log)),
      store(ground.server, name),
      log_check(log, store, runtime, log_check_options(ground, name)),
      hints(ground.settings.planted(Plant::hints_survive_reload) ? former : visible,
            {ground.scheduler.random().below(3) * 15, 1 + ground.scheduler.random().below(3) * 8}),
      follower(store, runtime, visible, hints, follower_options(ground, name)),
      writer_options(sim::writer_options(ground, name, visible)),
      offer([this](const std::string& attempt, std::uint32_t number, std::uint64_t price_count, const Chunk& chunk) {
        hints.offer(attempt, number, price_count, chunk);
      }),
      service({runtime, watched_log, store,
               ground.settings.planted(Plant::row_of_other_attempt_taken) ? rewritten : visible, metrics},
              api_limits(ground), intake_limits(ground)),
      api(ground.scheduler, planted_routes(ground, store, api::routes(service))) {
  store.shown = [this] {
    const auto book = visible.view().book;
    return store::Head{book->version(), book->chain()};
  };
  store.tried = [this](const std::string& id) { return watched_log.tried(id); };
  visible.subscribe([this, ground, name](const follower::Step& step) {
    ground.checks.shown(name, step, shown);
    shown = step.book->version();
    if (visible.histories() == 0) former.show(step, 0, true);
    if (ground.settings.planted(Plant::row_of_other_attempt_taken)) {
      rewritten.show(with_own_attempts(step, watched_log), 0, true);
    }
  });
}

Node::Node(const Ground& ground, std::string name)
    : ground_(ground), name_(std::move(name)), clocks_(std::make_shared<Clocks>()) {
  Random& random = ground.scheduler.random();
  clocks_->boot_offset = random.between(milliseconds{1}, hours{1000});
  clocks_->boot_rate = 0.95 + 0.1 * static_cast<double>(random.below(1000)) / 1000;
  clocks_->wall_offset = 1'700'000'000'000 + static_cast<WallTime>(random.below(3'600'000));
}

void Node::start() {
  lives_.push_back(std::make_unique<Life>(ground_, name_, clocks_));
  life_ = lives_.back().get();
  Life& life = *life_;
  ground_.scheduler.note(name_, "start");
  ground_.broker.join(name_);
  ground_.server.listeners[name_] = &life.store;
  for (std::uint32_t i = 0; i < ground_.settings.partition_count; ++i) {
    log::Log* log = life.writers_log == nullptr ? &life.log : life.writers_log.get();
    const Runtime runtime = ground_.settings.planted(Plant::give_up_clock_restarts)
                                ? with_clock_that_restarts(life.runtime, *log)
                                : life.runtime;
    ground_.scheduler.spawn(life.process, [&life, i] { life.log_check.run(i, life.stop.get_token()); });
    ground_.scheduler.spawn(life.process, [&life, log, i, runtime] {
      writer::run_partition(*log, life.store, runtime, i, life.writer_options, life.offer, life.stop.get_token());
    });
  }
  ground_.scheduler.spawn(life.process, [&life] { life.follower.run(life.stop.get_token()); });
}

void Node::kill() {
  ground_.scheduler.note(name_, "killed");
  ground_.scheduler.kill(life_->process);
  ground_.server.listeners.erase(name_);
  life_ = nullptr;
}

void Node::stop_softly() {
  ground_.scheduler.note(name_, "stops");
  life_->service.leave();
  life_->stop.request_stop();
}

void Node::pause(Duration time) {
  ground_.scheduler.note(name_, "paused", {static_cast<std::uint64_t>(time.count())});
  ground_.scheduler.pause(life_->process, time);
}

void Node::cut_off_log(Time until) { life_->log.cut_off_until = until; }
void Node::cut_off_store(Time until) { life_->store.cut_off_until = until; }

bool Node::asks_for_restart() const {
  const log::Standing* standing = life_->log.standing();
  const auto doubt = standing == nullptr ? std::nullopt : standing->first_doubt();
  return doubt && doubt->contains("restart the nodes");
}

bool Node::is_settled() const {
  if (life_ == nullptr) return false;
  const auto view = life_->visible.view();
  const log::Standing* standing = life_->log.standing();
  const bool takes_batches = standing == nullptr || !standing->first_doubt();
  return view.ready && takes_batches &&
         store::Head{view.book->version(), view.book->chain()} == ground_.server.primary->head();
}

}  // namespace ratebook::sim
