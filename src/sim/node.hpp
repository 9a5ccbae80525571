// One simulated machine: it runs the real path (intake, log, writers, follower, book) and answers requests as the api
// does. It dies and comes back, each time as a new Life.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "follower/follower.hpp"
#include "intake/memory_budget.hpp"
#include "sim/broker.hpp"
#include "sim/checks.hpp"
#include "sim/scheduler.hpp"
#include "sim/settings.hpp"
#include "sim/sim_store.hpp"
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
    conflict,     ///< 409
    done,         ///< 200 without a version of its own
    unavailable,  ///< 503, or the connection broke: the outcome is unknown
  };
  Kind kind = Kind::unavailable;
  Version version = 0;
};

/// A batch as a client sends it: its content, and in how many chunks it goes into the log where it does not pass
/// through intake, which needs larger batches to make several.
struct BatchRequest {
  Content content;
  std::string id;
  Digest digest{};
  std::uint32_t chunk_count = 1;
  bool through_intake = false;
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
  const ProcessPointer& process() const { return life_->process; }

  // --- requests: to be called in a task of this node's process ---
  Answer submit(const BatchRequest& request);
  Answer retract(const std::string& source, const std::string& id);
  Answer put_places(const PlacesDocument& places);
  Answer read(Version least);

 private:
  struct Life {
    Life(const Ground& ground, const std::string& name, Runtime runtime_in);
    ProcessPointer process;
    Runtime runtime;
    SimLog log;
    std::unique_ptr<log::Log> writers_log;  ///< for a planted bug; nullptr: `log`
    SimStore store;
    writer::LogCheck log_check;
    follower::Visible visible;
    follower::Visible former;  ///< for a planted bug: never shows another history than its first
    follower::Hints hints;
    follower::Follower follower;
    writer::WriterOptions writer_options;
    writer::Offer offer;
    intake::MemoryBudget memory{1u << 20};
    std::stop_source stop;
    Version shown = 0;
  };
  /// The batch as the store has it for good; nullopt where that cannot be known now.
  std::optional<Batch> known_batch(Life& life, const std::string& id);
  Answer answer_when_visible(Life& life, const BatchRequest& request, Duration at_most);
  Result<std::vector<std::string>> pack(Life& life, const BatchRequest& request);
  bool wait_for(Life& life, Version least, Duration at_most) const;

  Ground ground_;
  std::string name_;
  std::shared_ptr<Clocks> clocks_;
  std::vector<std::unique_ptr<Life>> lives_;  ///< also past ones: what they sent may still be under way
  Life* life_ = nullptr;
};

}  // namespace ratebook::sim
