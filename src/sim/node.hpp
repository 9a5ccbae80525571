// One simulated machine: it runs the real path, and the real endpoints answer its clients. It dies and comes back, each
// time as a new Life.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "api/service.hpp"
#include "follower/follower.hpp"
#include "obs/metrics.hpp"
#include "sim/api_client.hpp"
#include "sim/broker.hpp"
#include "sim/checks.hpp"
#include "sim/scheduler.hpp"
#include "sim/settings.hpp"
#include "sim/sim_store.hpp"
#include "sim/watched_log.hpp"
#include "writer/log_check.hpp"
#include "writer/writer.hpp"

namespace ratebook::sim {

/// What the nodes stand on.
struct Ground {
  Scheduler& scheduler;
  Settings& settings;
  Broker& broker;
  StoreServer& server;
  Checks& checks;
};

struct Answer {
  enum class Kind : std::uint8_t {
    committed,    ///< 201, or 200 for a repeat: `version` is visible on this node
    accepted,     ///< 202
    conflict,     ///< 409, 412
    refused,      ///< 404, 422
    done,         ///< 200 without a version of its own
    unavailable,  ///< 429, 503, or the connection broke: the outcome is unknown
  };
  Kind kind = Kind::unavailable;
  Version version = 0;
  std::string location;  ///< of a batch
};

/// A batch as a client sends it. Of a node that is not simulated it goes into the log in so many chunks at most.
struct BatchRequest {
  Content content;
  std::string id;
  Digest digest{};
  std::uint32_t chunk_count = 1;
  unsigned wait_s = 1;  ///< what the client waits for it to be committed
};

/// A batch's prices, packed into at most so many chunks.
std::vector<std::string> pack_chunks(std::span<const Price> prices, std::size_t chunk_count);

class Node {
 public:
  Node(const Ground& ground, std::string name);

  const std::string& name() const { return name_; }
  bool is_up() const { return life_ != nullptr; }
  void start();
  void kill();
  /// Asks the tasks to end by themselves.
  void stop_softly();
  void pause(Duration time);
  void jump_wall_clock(Duration by) { clocks_->wall_offset += by.count() / 1'000'000; }
  void cut_off_log(Time until);
  void cut_off_store(Time until);
  /// Whether it takes no batches until it is restarted.
  bool asks_for_restart() const;
  /// Whether it shows the store's newest version and is ready.
  bool is_settled() const;
  /// Requests without an answer.
  std::size_t open_requests() const { return life_ == nullptr ? 0 : life_->api.open_count(); }
  const ProcessPointer& process() const { return life_->process; }

  // --- requests (node_requests.cpp): to be called in a task of this node's process ---
  Answer submit(const BatchRequest& request);
  Answer retract(const std::string& id, unsigned wait_s);
  Answer look_up(const BatchRequest& request, const std::string& location);
  Answer put_places(const PlacesDocument& places);
  Answer read(const RatesAsked& asked);

 private:
  struct Life {
    Life(const Ground& ground, const std::string& name, const std::shared_ptr<Clocks>& clocks);
    ProcessPointer process;
    Runtime runtime;
    SimLog log;
    WatchedLog watched_log;                 ///< the service's
    std::unique_ptr<log::Log> writers_log;  ///< for a planted bug; nullptr: `log`
    SimStore store;
    writer::LogCheck log_check;
    follower::Visible visible;
    follower::Visible former;  ///< for a planted bug: never shows another history than its first
    follower::Hints hints;
    follower::Follower follower;
    writer::WriterOptions writer_options;
    writer::Offer offer;
    obs::Metrics metrics;
    follower::Visible rewritten;  ///< for a planted bug: the service's
    api::Service service;
    ApiClient api;
    std::stop_source stop;
    Version shown = 0;
  };
  Answer judge_batch(Life& life, const BatchRequest& request, const ApiAnswer& answer);
  Answer judge_accepted(Life& life, const BatchRequest& request, const std::string& location);
  Answer judge_conflict(const BatchRequest& request, const ApiAnswer& answer);
  Answer judge_rates(Life& life, const RatesAsked& asked, const ApiAnswer& answer);
  Shown shown(const Life& life, const ApiAnswer& answer) const;
  Answer unexpected(const ApiAnswer& answer);

  Ground ground_;
  std::string name_;
  std::shared_ptr<Clocks> clocks_;
  std::vector<std::unique_ptr<Life>> lives_;  ///< also past ones: what they sent may still be under way
  Life* life_ = nullptr;
};

}  // namespace ratebook::sim
