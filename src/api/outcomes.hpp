// Who waits for what: batches for their fate, requests for a version. Nobody holds a thread while waiting.
//
//   watch(id) ─▶ put into the log ─▶ await(…) ─────────────────────────────▶ done(fate), once
//      └─ sees every version row that becomes visible from then on ─┘   └─ the time is over: done(nullopt)
//
// A commit or retraction is known by its version row as it becomes visible here; a rejection, which makes no version,
// by asking the store now and then. `accepted` remembers the batches and retractions that this node has accepted until
// their fate is known.
#pragma once
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "follower/follower.hpp"
#include "log/attempt.hpp"
#include "model/batch.hpp"
#include "runtime/runtime.hpp"
#include "store/store.hpp"

namespace ratebook::api {

/// What a batch became: the row that is visible now, or the batch as the store has it (rejected, or visible as well).
using Fate = std::variant<VersionRow, Batch>;

/// Runs work on some other thread, soon.
using Executor = std::function<void(std::function<void()>)>;

struct OutcomesOptions {
  std::size_t watched_max = 10'000;   ///< batches, and as many versions
  std::size_t accepted_max = 10'000;  ///< beyond it the oldest are forgotten; their Location answers for them
  Duration poll_interval = std::chrono::milliseconds{100};
  std::size_t polled_per_round = 256;
};

/// What is accepted and not decided yet.
struct Waiting {
  std::size_t count = 0;    ///< batches and retractions
  std::uint64_t bytes = 0;  ///< packed, as the log has them
};

/// Thread-safe.
class Outcomes {
 public:
  enum class Awaited { commit, retraction };
  using Watch = std::uint64_t;

  Outcomes(store::Store& store, follower::Visible& visible, const Runtime& runtime, Executor executor,
           OutcomesOptions options = {});
  Outcomes(const Outcomes&) = delete;
  Outcomes& operator=(const Outcomes&) = delete;
  ~Outcomes();

  /// From now on no step of `id` is missed. nullopt: too many are watched.
  std::optional<Watch> watch(Awaited awaited, const std::string& id);
  /// What is known so far.
  std::optional<Fate> fate(Watch watch) const;
  /// Ends the watch with one call of `done` on the executor: as soon as the fate is known or the time is over.
  void await(Watch watch, Duration at_most, std::function<void(std::optional<Fate>)> done);
  /// Ends the watch without a call.
  void forget(Watch watch);

  /// This node is about to end: all waits are over now, and whoever begins one from here on does not wait.
  void leave();

  /// Calls `done` once on the executor: true when this node shows `version`, false when the time is over or too many
  /// wait.
  void await_version(Version version, Duration at_most, std::function<void(bool)> done);

  /// Remembers what is in the log, a batch or its retraction as `watch` awaits it, until its fate is known; not if
  /// `watch` has that already.
  void accept(Watch watch, const BatchHeader& header, std::uint64_t bytes = 0);
  bool is_accepted(Awaited awaited, const std::string& id) const;
  std::optional<BatchHeader> accepted(const std::string& id) const;
  /// The same, where no version up to `shown` can have decided it.
  std::optional<BatchHeader> accepted_beyond(const std::string& id, Version shown) const;
  /// Newest first; of one source, or of all.
  std::vector<BatchHeader> accepted(const std::optional<std::string>& source, std::size_t limit) const;
  Waiting waiting(const std::string& source) const;
  Waiting waiting() const;
  std::size_t watched_count() const;

  /// Ends the waits whose time is over. Returns how long no other will be.
  Duration end_due();
  /// Asks the store for what may have been rejected.
  void ask_due(const std::stop_token& stop = {});
  /// Both until stopped, each in a thread of its own: waits end in time beside a store that does not answer.
  void run(const std::stop_token& stop);

 private:
  struct Watched {
    Awaited awaited = Awaited::commit;
    std::string id;
    std::optional<Fate> fate;
    std::optional<BootTime> deadline;
    std::function<void(std::optional<Fate>)> done;
    BootTime asked{};  ///< when the store was last asked
  };
  struct VersionWait {
    BootTime deadline{};
    std::function<void(bool)> done;
  };
  struct Accepted {
    Awaited awaited = Awaited::commit;
    BatchHeader header;
    std::uint64_t bytes = 0;
    BootTime asked{};
  };
  struct Question {
    std::string id;
    BootTime asked{};
  };

  void told(const follower::Step& step);
  void told_row(const VersionRow& row);
  void settle(Awaited awaited, const std::string& id, const Fate& fate);
  void finish(std::map<Watch, Watched>::iterator watched);
  void forget_accepted(Awaited awaited, const std::string& id);
  std::vector<std::string> questions(BootTime now) const;
  void note_asked(const std::string& id, BootTime now);
  /// False: the store does not answer.
  bool ask(const std::string& id);

  store::Store& store_;
  follower::Visible& visible_;
  const Runtime& runtime_;
  Executor executor_;
  OutcomesOptions options_;
  Signal wake_;

  mutable std::mutex mutex_;  ///< guards all below
  std::map<Watch, Watched> watched_;
  std::unordered_multimap<std::string, Watch> watches_of_;  ///< by id
  Watch next_watch_ = 1;
  std::multimap<Version, VersionWait> version_waits_;
  std::list<Accepted> accepted_;  ///< oldest first
  std::map<std::pair<Awaited, std::string>, std::list<Accepted>::iterator> accepted_by_id_;
  std::unordered_map<std::string, Waiting> waiting_of_source_;
  std::uint64_t waiting_bytes_ = 0;
  Version told_ = 0;                     ///< the last step's; accepted_ holds nothing that it or one before has decided
  BootTime next_end_ = BootTime::max();  ///< none is planned yet: the first wait wakes
  bool leaving_ = false;

  follower::Visible::Subscription subscription_;
};

}  // namespace ratebook::api
