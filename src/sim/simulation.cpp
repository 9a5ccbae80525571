#include "sim/simulation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/clients.hpp"
#include "sim/log_mistake.hpp"

namespace ratebook::sim {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

class Simulation {
 public:
  Simulation(std::uint64_t seed, Plant plant, bool verbose)
      : trace_(verbose),
        settings_(draw_settings(seed, plant)),
        scheduler_(seed, trace_),
        server_(scheduler_, settings_),
        checks_(scheduler_, server_),
        broker_(scheduler_, settings_,
                {[this](std::uint32_t partition, Offset offset, const std::string& bytes) {
                   checks_.appended(partition, offset, bytes);
                 },
                 [this](const std::string& bytes, bool could_know) { checks_.appended_elsewhere(bytes, could_know); }}),
        log_mistake_(scheduler_, broker_),
        ground_{scheduler_, settings_, broker_, server_, checks_},
        clients_(ground_, nodes_) {
    server_.observer = [this](std::uint32_t partition, const std::vector<Decided>& decided) {
      checks_.decided(partition, decided);
    };
  }
  // Tasks refer to nodes and clients: they end first.
  ~Simulation() { scheduler_.unwind(); }
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  Report run() {
    for (std::uint32_t i = 0; i < settings_.node_count; ++i) {
      nodes_.push_back(std::make_unique<Node>(ground_, fmt::format("node{}", i)));
      nodes_.back()->start();
    }
    clients_.start();
    schedule_faults();
    scheduler_.at(settings_.faults_end, [this] { end_faults(); });
    // Later than anything that is under way when the faults end.
    scheduler_.at(settings_.faults_end + 2 * settings_.late_time_max, [this] {
      restart_nodes_that_ask_for_it();
      look_whether_settled();
    });
    scheduler_.run(Time::max());
    if (const auto& escaped = scheduler_.escaped_exception(); !escaped.empty()) {
      checks_.violated("no exception leaves the path", escaped);
    }
    return {checks_.violation(), trace_.digest(), trace_.event_count(), server_.primary->head().version};
  }

 private:
  void schedule_faults() {
    const Intervals& every = settings_.intervals;
    repeat(every.crash, [this] { crash(); });
    repeat(every.pause, [this] { pause(); });
    repeat(every.rebalance, [this] { storm(); });
    repeat(every.log_outage, [this] { log_outage(); });
    repeat(every.store_outage, [this] { server_.down_until = scheduler_.now() + some(milliseconds{3000}); });
    repeat(every.cut_off, [this] { cut_off(); });
    repeat(every.clock_jump,
           [this] { node().jump_wall_clock(scheduler_.random().chance(0.5) ? some(hours{2}) : -some(hours{2})); });
    repeat(every.bad_record, [this] { bad_record(); });
    if (settings_.embedded) return;
    repeat(every.log_mistake, [this] {
      if (!log_mistake_.is_on()) log_mistake_.begin(*server_.primary, seconds{3} + some(seconds{5}));
    });
    if (settings_.restored) plan_restore();
    if (settings_.restless) rebalance_for_ever();
    repeat(every.fail_over, [this] {
      if (!server_.held) server_.fail_over([](Database&) {});
    });
  }

  void repeat(Duration interval, std::function<void()> fault) {
    if (interval == Duration{0}) return;
    const Time next = scheduler_.now() + scheduler_.random().between(interval / 5, 2 * interval);
    if (next >= settings_.faults_end) return;
    scheduler_.at(next, [this, interval, fault = std::move(fault)] {
      fault();
      repeat(interval, fault);
    });
  }

  Duration some(Duration most) { return scheduler_.random().between(milliseconds{1}, most); }
  Node& node() { return *nodes_[scheduler_.random().below(nodes_.size())]; }
  std::uint32_t partition() { return static_cast<std::uint32_t>(scheduler_.random().below(settings_.partition_count)); }

  void plan_restore() {
    const Duration until = settings_.faults_end;
    const Time backup = scheduler_.random().between(milliseconds{100}, until / 2);
    scheduler_.at(backup, [this] {
      server_.back_up();
      checks_.backed_up();
      for (std::uint32_t i = 0; i < settings_.partition_count; ++i)
        broker_.keep(i, server_.primary->position(i).offset);
    });
    // It is away first: what is in the log meanwhile waits, and has come by at those who watch.
    const Duration away = scheduler_.random().between(milliseconds{100}, until / 4);
    const Time restored = scheduler_.random().between(backup + away, until - milliseconds{1});
    scheduler_.at(restored - away, [this, restored] { server_.down_until = restored; });
    scheduler_.at(restored, [this] { restore(); });
  }

  void restore() {
    if (server_.held) {
      scheduler_.at(scheduler_.now() + milliseconds{10}, [this] { restore(); });
      return;
    }
    const std::vector<VersionRow> former_rows = server_.primary->version_rows();
    server_.restore();
    checks_.restored(former_rows);
    // One does not see it before the store has come as far as it was.
    if (Node& blind = node(); scheduler_.random().chance(0.7) && blind.is_up()) {
      blind.cut_off_store(scheduler_.now() + some(milliseconds{3000}));
    }
  }

  /// Also where it is over: until all has come to rest.
  void rebalance_for_ever() {
    const Duration time = settings_.attempt_time_max;
    scheduler_.at(scheduler_.now() + scheduler_.random().between(time * 4 / 5, time * 8 / 5), [this] {
      broker_.rebalance();
      rebalance_for_ever();
    });
  }

  /// Of a node that never comes back.
  void leave_attempt_open() {
    log::ChunkRecord chunk{.batch = {.source = "source-0", .key = "open", .price_count = 2}};
    chunk.batch.id = batch_id(chunk.batch.source, chunk.batch.key, chunk.batch.digest);
    chunk.attempt = fmt::format("{:032x}", scheduler_.random().next());
    const Price price{PortCode::parse("CNSGH").value(), PortCode::parse("NLRTM").value(), Day{1}, Cents{1}};
    chunk.prices = pack_chunks({&price, 1}, 1).front();
    broker_.append(partition_of(chunk.batch.source, settings_.partition_count), log::encode(chunk));
  }

  void bad_record() {
    if (scheduler_.random().chance(0.5)) {
      broker_.append(partition(), std::string(1 + scheduler_.random().below(30), '\xff'));
      return;
    }
    // A header that holds, and prices that do not.
    const std::string source = "source-0";
    log::ChunkRecord chunk{.batch = {.source = source, .key = "bad", .price_count = 1}, .prices = "\xff"};
    chunk.batch.id = batch_id(source, chunk.batch.key, chunk.batch.digest);
    chunk.attempt = fmt::format("{:032x}", scheduler_.random().next());
    chunk.last = scheduler_.random().chance(0.5);
    broker_.append(partition_of(source, settings_.partition_count), log::encode(chunk));
  }

  void crash() {
    Node& victim = node();
    if (!victim.is_up()) return;
    if (!scheduler_.random().chance(0.25)) {
      die(victim);
      return;
    }
    victim.stop_softly();
    const ProcessPointer process = victim.process();
    scheduler_.at(scheduler_.now() + some(milliseconds{500}), [this, &victim, process] {
      if (!process->dead) die(victim);
    });
  }

  void die(Node& victim) {
    victim.kill();
    if (settings_.embedded) server_.primary->lose_unsynced();
    // The group learns of it when the session is over, the node comes back when it does: in either order.
    scheduler_.at(scheduler_.now() + some(milliseconds{1000}), [this, &victim] {
      if (!victim.is_up()) broker_.leave(victim.name());
    });
    scheduler_.at(scheduler_.now() + milliseconds{100} + some(milliseconds{2000}), [&victim] {
      if (!victim.is_up()) victim.start();
    });
  }

  void pause() {
    if (Node& victim = node(); victim.is_up()) victim.pause(some(3 * settings_.attempt_time_max));
  }

  void storm() {
    if (settings_.embedded) return;
    for (std::uint64_t i = scheduler_.random().below(4) + 1; i > 0; --i) broker_.rebalance();
  }

  void log_outage() {
    if (settings_.embedded) return;
    broker_.down_until = scheduler_.now() + some(milliseconds{3000});
    if (settings_.planted(Plant::log_loses_acknowledged)) broker_.lose_newest(partition(), 2);
  }

  void cut_off() {
    Node& victim = node();
    if (settings_.embedded || !victim.is_up()) return;
    const Time until = scheduler_.now() + some(milliseconds{3000});
    if (scheduler_.random().chance(0.5)) {
      victim.cut_off_log(until);
    } else {
      victim.cut_off_store(until);
    }
  }

  void end_faults() {
    scheduler_.note("faults", "end");
    settings_.faults_on = false;
    broker_.down_until = Time{};
    log_mistake_.end();
    server_.down_until = Time{};
    for (auto& each : nodes_) {
      if (!each->is_up()) continue;
      each->cut_off_log(Time{});
      each->cut_off_store(Time{});
    }
    if (!settings_.embedded) broker_.rebalance();
    if (settings_.restless) leave_attempt_open();
  }

  /// What another log told a node before anybody could know it stays with that node. The operator does what it says.
  void restart_nodes_that_ask_for_it() {
    for (auto& each : nodes_) {
      if (!each->is_up() || !each->asks_for_restart()) continue;
      each->kill();
      each->start();
    }
  }

  void look_whether_settled() {
    std::string waits = checks_.unsettled(broker_);
    for (const auto& each : nodes_) {
      if (waits.empty() && each->open_requests() > 0) waits = each->name() + " has not answered a request";
      if (waits.empty() && !each->is_settled()) {
        waits = each->name() + " does not show the newest version, or takes no batches";
      }
    }
    if (waits.empty()) {
      checks_.finish();
      scheduler_.stop();
    } else if (scheduler_.now() < settings_.settled_by) {
      scheduler_.at(scheduler_.now() + milliseconds{200}, [this] { look_whether_settled(); });
    } else {
      checks_.violated("2 accepted is kept, in time", waits);
    }
  }

  Trace trace_;
  Settings settings_;
  Scheduler scheduler_;
  StoreServer server_;
  Checks checks_;
  Broker broker_;
  LogMistake log_mistake_;
  Ground ground_;
  std::vector<std::unique_ptr<Node>> nodes_;
  Clients clients_;
};

}  // namespace

Report simulate(std::uint64_t seed, Plant plant, bool verbose) { return Simulation{seed, plant, verbose}.run(); }

}  // namespace ratebook::sim
