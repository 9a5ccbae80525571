// Looks again and again whether the log is the one that the store was written from (rule 23): a node learns of a topic
// that was deleted and made again, or of brokers that are others', also where nothing is sent to it.
//
//   store ── positions, once a second for all partitions ──▶ look at the record there ──▶ log::Standing
//
// An older position is as true of the log, so it may come from a primary that is none any more. To clear a doubt it
// must be the newest, and asked for since: before the first record was decided any log would do.
#pragma once
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "log/log.hpp"
#include "log/look.hpp"
#include "log/standing.hpp"
#include "model/error.hpp"
#include "runtime/runtime.hpp"
#include "store/store.hpp"

namespace ratebook::writer {

struct LogCheckOptions {
  Duration interval = std::chrono::seconds{1};
  /// What a change of leaders explains for a moment, a log that ends too early or was trimmed too far, counts after it.
  Duration patience = std::chrono::seconds{5};
  std::function<void(const Fault&)> report = [](const Fault&) {
  };  ///< told of another log, and of the right one's return
};

class LogCheck {
 public:
  LogCheck(log::Log& log, store::Store& store, const Runtime& runtime, LogCheckOptions options = {});

  /// Looks at one partition until stopped: at once, then every `interval` and whenever log::Standing is asked to. Each
  /// partition has a thread of its own, so that a leader that does not answer keeps no other from being looked at.
  void run(std::uint32_t partition, const std::stop_token& stop);

 private:
  /// What may pass, and since when it is so.
  struct Doubt {
    log::Look::Finding finding = log::Look::Finding::same;
    Offset position = -1;
    BootTime since{};
  };
  /// A partition's position as the store had it last.
  struct Known {
    Position position;
    bool is_current = false;  ///< the store said so when it was last asked
  };
  bool look(std::uint32_t partition, std::optional<Doubt>& doubt);
  Result<log::Look> look_at(std::uint32_t partition, const Position& position, const log::Standing::Start& start);
  void conclude(std::uint32_t partition, const log::Standing::Start& start, const Known& known, const log::Look& found,
                std::optional<Doubt>& doubt);
  std::optional<Known> ask(std::uint32_t partition, const log::Standing::Start& start);

  log::Log& log_;
  store::Store& store_;
  const Runtime& runtime_;
  LogCheckOptions options_;
  std::mutex mutex_;  ///< guards what follows
  bool is_asking_ = false;
  std::optional<BootTime> asked_at_;  ///< when the last question began
  bool was_answered_ = false;         ///< it was
  bool are_newest_ = false;           ///< and its answer was the newest
  std::vector<Position> positions_;   ///< empty: not known yet
  Signal answered_;
};

}  // namespace ratebook::writer
