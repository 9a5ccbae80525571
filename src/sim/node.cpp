#include "sim/node.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "intake/intake.hpp"
#include "log/attempt.hpp"
#include "model/packed_chunk.hpp"
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

std::string json_of(const Content& content) {
  std::string body = fmt::format(R"({{"source":"{}","prices":[)", content.source);
  for (const Price& price : content.prices) {
    fmt::format_to(std::back_inserter(body), R"({}{{"orig_code":"{}","dest_code":"{}","day":"{}","price":{}}})",
                   body.back() == '[' ? "" : ",", price.orig.view(), price.dest.view(), format_day(price.day),
                   format_cents(price.amount));
  }
  return body + "]}";
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

/// Whether intake would let the batch in: every port is known and open.
bool is_open(const book::Book& book, const Content& content) {
  const auto& tree = book.places();
  if (tree == nullptr) return false;
  const auto open = [&](PortCode code) {
    const auto port = tree->find_port(code);
    return port && !tree->is_closed(*port);
  };
  return std::ranges::all_of(content.prices, [&](const Price& price) { return open(price.orig) && open(price.dest); });
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

Node::Life::Life(const Ground& ground, const std::string& name, Runtime runtime_in)
    : process(ground.scheduler.make_process(name)),
      runtime(std::move(runtime_in)),
      log(ground.scheduler, ground.settings, ground.broker, name, runtime),
      writers_log(make_writers_log(ground, log)),
      store(ground.server, name),
      log_check(log, store, runtime, log_check_options(ground, name)),
      hints(ground.settings.planted(Plant::hints_survive_reload) ? former : visible,
            {ground.scheduler.random().below(3) * 15, 1 + ground.scheduler.random().below(3) * 8}),
      follower(store, runtime, visible, hints, follower_options(ground, name)),
      writer_options(sim::writer_options(ground, name, visible)),
      offer([this](const std::string& attempt, std::uint32_t number, std::uint64_t price_count, const Chunk& chunk) {
        hints.offer(attempt, number, price_count, chunk);
      }) {
  store.shown = [this] {
    const auto book = visible.view().book;
    return store::Head{book->version(), book->chain()};
  };
  visible.subscribe([this, ground, name](const follower::Step& step) {
    ground.checks.shown(name, step, shown);
    shown = step.book->version();
    if (visible.histories() == 0) former.show(step, 0, true);
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
  lives_.push_back(std::make_unique<Life>(ground_, name_, make_runtime(ground_.scheduler, clocks_)));
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

Result<std::vector<std::string>> Node::pack(Life& life, const BatchRequest& request) {
  std::vector<std::string> chunks;
  const Content& content = request.content;
  const auto book = life.visible.view().book;
  if (request.through_intake && content.replaces.empty() && is_open(*book, content)) {
    intake::Intake intake{{.places = book->places()}, {}, life.memory};
    intake.feed(json_of(content));
    const auto decoded = intake.finish();
    if (!decoded) return fail(Failure::conflict, decoded.error().detail);
    if (decoded->digest != request.digest || decoded->price_count != content.prices.size()) {
      return fail(Failure::damaged, "intake names the batch differently");
    }
    for (std::size_t i = 0; i < decoded->spool.chunk_count(); ++i) chunks.push_back(decoded->spool.read(i).value());
    return chunks;
  }
  return pack_chunks(content.prices, request.chunk_count);
}

Answer Node::submit(const BatchRequest& request) {
  Life& life = *life_;
  const Content& content = request.content;
  const auto chunks = pack(life, request);
  if (!chunks) {
    ground_.checks.violated("1 all or nothing", chunks.error().message);
    return {};
  }
  const BatchHeader header{.id = request.id,
                           .source = content.source,
                           .key = content.key,
                           .digest = request.digest,
                           .price_count = content.prices.size(),
                           .accepted_at = life.runtime.wall_time(),
                           .replaces = content.replaces};
  // What is decided already needs no log; where the store does not say, the writer will.
  const auto holder = life.store.batch_by_key(content.source, content.key);
  if (holder && *holder && (*holder)->header.id != request.id) {
    ground_.checks.refused_by_key(request.id, content);
    return {Answer::Kind::conflict, 0};
  }
  const Duration time_max = ground_.settings.planted(Plant::late_acknowledgement_counts)
                                ? Duration{hours{1}}
                                : ground_.settings.attempt_time_max;
  const std::uint32_t partition = partition_of(content.source, ground_.settings.partition_count);
  const Told before = life.log.told(partition);
  const auto put = log::put_batch(
      life.log, life.runtime, header, chunks->size(),
      [&](std::size_t index) -> Result<std::string> { return (*chunks)[index]; }, 2, time_max);
  if (!put) {
    ground_.scheduler.note(name_, "not accepted", {}, request.id);
    return {};
  }
  ground_.scheduler.note(name_, "accepted", {}, request.id);
  const Told& told = life.log.told(partition);
  ground_.checks.accepted(request.id, put->attempt, content, told.is_other || told.others_found != before.others_found);
  return answer_when_visible(life, request, milliseconds{1000});
}

std::optional<Batch> Node::known_batch(Life& life, const std::string& id) {
  auto batch = life.store.batch(id);
  return batch ? std::move(*batch) : std::nullopt;
}

Answer Node::answer_when_visible(Life& life, const BatchRequest& request, Duration at_most) {
  const Time until = ground_.scheduler.now() + at_most;
  while (ground_.scheduler.now() < until) {
    const auto batch = known_batch(life, request.id);
    if (batch && batch->status == BatchStatus::rejected) {
      if (batch->rejection == Rejection::key_conflict) ground_.checks.refused_by_key(request.id, request.content);
      return {Answer::Kind::conflict, 0};
    }
    if (batch && (ground_.settings.planted(Plant::answer_before_visible) ||
                  wait_for(life, batch->version, until - ground_.scheduler.now()))) {
      ground_.checks.answered(name_, request.id, request.content, batch->version, life.visible.view().book->version());
      return {Answer::Kind::committed, batch->version};
    }
    life.runtime.sleep(milliseconds{100});
  }
  return {Answer::Kind::accepted, 0};
}

bool Node::wait_for(Life& life, Version least, Duration at_most) const {
  const Time until = ground_.scheduler.now() + at_most;
  while (life.visible.view().book->version() < least) {
    if (ground_.scheduler.now() >= until) return false;
    life.runtime.sleep(milliseconds{25});
  }
  return true;
}

Answer Node::retract(const std::string& source, const std::string& id) {
  Life& life = *life_;
  const auto batch = known_batch(life, id);
  if (!batch || batch->version == 0) return {Answer::Kind::conflict, 0};
  if (batch->status == BatchStatus::retracted) return {Answer::Kind::done, 0};
  if (!log::put_retraction(life.log, {id, source, life.runtime.wall_time()})) return {};
  return {Answer::Kind::accepted, 0};
}

Answer Node::put_places(const PlacesDocument& places) {
  Life& life = *life_;
  const auto head = life.store.places_head(UINT64_MAX);
  if (!head) return {};
  const auto expected = head->version == 0 ? std::nullopt : std::optional{version_tag(head->version, head->chain)};
  const auto version = life.store.put_places(places, expected, life.runtime.wall_time());
  if (!version)
    return {version.error().failure == Failure::conflict ? Answer::Kind::conflict : Answer::Kind::unavailable, 0};
  return {Answer::Kind::accepted, *version};
}

Answer Node::read(Version least) {
  Life& life = *life_;
  const auto had = life.visible.view();
  const bool blocked = ground_.settings.planted(Plant::reads_wait_for_store) && !life.store.head();
  if (blocked || !wait_for(life, least, milliseconds{1000}) || !life.visible.view().ready) {
    ground_.checks.read(name_, least, had, nullptr);
    return {};
  }
  const auto view = life.visible.view();
  ground_.checks.read(name_, least, had, &view);
  return {Answer::Kind::done, view.book->version()};
}

}  // namespace ratebook::sim
