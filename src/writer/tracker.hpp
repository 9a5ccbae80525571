// Which attempts of a partition are batches: a pure reading of the log's order (rules 2 and 3).
//
//   chunk 0 … chunk n in order ─▶ complete        abandon first, a gap, a changed header ─▶ void, for ever
//
// What is complete waits in its source's queue until it is decided; queues of different sources do not wait for each
// other. A Line walks them all, whoever has waited longest first (rule 22).
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "log/log.hpp"
#include "log/record.hpp"
#include "model/price.hpp"
#include "runtime/runtime.hpp"
#include "store/store.hpp"
#include "writer/first_seen.hpp"

namespace ratebook::writer {

/// A chunk of an attempt: where it stands, and its prices as long as memory allows.
struct ChunkPlace {
  Offset offset = 0;
  std::size_t bytes = 0;
  std::optional<Chunk> held;
  std::optional<Digest> digest;  ///< of the record, where it is to be read again and the log is not part of the store
};

/// A record, or the records of a complete attempt, that wait for their decision.
struct Pending {
  Offset first = 0;  ///< the first record that is needed to decide it
  Offset last = 0;   ///< the record that completed it: decisions follow this order
  std::string source;
  std::string retracted_id;  ///< a retraction of this batch; empty: a batch
  BatchHeader header;
  std::string attempt;
  std::vector<ChunkPlace> chunks;
  std::size_t staged = 0;       ///< chunks 0..staged-1 stand in the store
  bool decided_before = false;  ///< the store knows the id: nothing to stage
};

/// Whether `left` is decided before `right`, which is another source's.
using GoesBefore = std::function<bool(const Pending& left, const Pending& right)>;
inline bool has_waited_longer(const Pending& left, const Pending& right) { return left.last < right.last; }

struct TrackerOptions {
  std::size_t held_bytes_max = 0;  ///< chunks kept in memory until they are staged
  Position begin;                  ///< the record before the first to come
  bool has_digests = true;         ///< whether positions prove themselves: not where the log is part of the store
  GoesBefore goes_before = has_waited_longer;
};

class Tracker {
 public:
  Tracker(TrackerOptions options, FirstSeen& first_seen);
  Tracker(const Tracker&) = delete;
  Tracker& operator=(const Tracker&) = delete;

  /// Takes the next record, in the order of the log. Failure::unavailable: a format that this program does not know;
  /// nothing was taken.
  Result<void> take(const log::StoredRecord& record, BootTime now);

  /// Attempts that are open, were first seen at or before `seen`, and were not given out by this after `before`. They
  /// are given out at `now`.
  std::vector<std::string> overdue(BootTime seen, BootTime before, BootTime now);

  /// Complete ones by source, each queue in the order of the log.
  using Queue = std::deque<Pending>;
  const std::map<std::string, Queue>& pending() const { return pending_; }
  std::size_t pending_count() const { return pending_count_; }
  /// Lets go of a queue's front, which is decided.
  void decided(const std::string& source);
  /// Lets go of a chunk's prices, which are staged.
  void release(const std::string& source, ChunkPlace& chunk);

  /// The last record before the first that is still needed once `decided` are, which are the first of their queues.
  Position position_after(std::span<const Pending* const> decided) const;

  /// Attempts found void, and records without sense, since the last publish.
  std::vector<std::string> swept;
  std::vector<store::BadRecord> bad_records;

 private:
  friend class Line;
  struct Open {
    BootTime seen{};
    BootTime given_out = BootTime::min();
    Offset first = 0;
    BatchHeader header;
    std::uint64_t prices = 0;
    std::vector<ChunkPlace> chunks;
  };
  /// By their fronts: a front changes only while its queue is not in the set.
  struct ByFront {
    const GoesBefore& goes_before;
    bool operator()(const Queue* left, const Queue* right) const { return goes_before(left->front(), right->front()); }
  };

  void take_chunk(const log::StoredRecord& record, log::ChunkRecord&& chunk, BootTime now);
  ChunkPlace hold(const log::StoredRecord& record, const std::string& source, Chunk&& prices);
  void wait_for_decision(Pending&& pending);
  void make_void(const std::string& attempt);
  void close(const std::string& attempt);

  TrackerOptions options_;
  FirstSeen& first_seen_;
  Position last_taken_;
  std::map<Offset, Position> needed_;  ///< first records of what is open or pending, with the record before each
  std::size_t held_bytes_ = 0;
  std::unordered_map<std::string, std::size_t> held_bytes_of_;  ///< by source
  std::unordered_map<std::string, Open> open_;
  // What was complete or void stays so, also if more of its records come. Bounded, beside what is pending: only an
  // attempt's own node, within its own time, or a broker's late delivery could add to it.
  std::deque<std::string> closed_order_;
  std::set<std::string> closed_;
  std::map<std::string, Queue> pending_;
  std::size_t pending_count_ = 0;
  std::set<Queue*, ByFront> by_front_{ByFront{options_.goes_before}};  ///< all queues
};

/// Walks what waits, whoever goes first, while each source keeps its own order. Of use until the tracker changes.
/// A step costs the logarithm of the sources that were met, however much waits.
class Line {
 public:
  explicit Line(Tracker& tracker)
      : tracker_(tracker), front_(tracker.by_front_.begin()), met_(Later{tracker.options_.goes_before}) {}

  /// nullptr: there is no more.
  Pending* next();
  /// Nothing more of the source of the last one: the rest of it waits for that one.
  void hold_source() { last_ = {}; }

 private:
  struct Place {
    Tracker::Queue* queue = nullptr;
    std::size_t index = 0;
    Pending& pending() const { return (*queue)[index]; }
  };
  struct Later {
    const GoesBefore& goes_before;
    bool operator()(const Place& left, const Place& right) const {
      return goes_before(right.pending(), left.pending());
    }
  };

  Tracker& tracker_;
  std::set<Tracker::Queue*, Tracker::ByFront>::const_iterator front_;  ///< of the sources that were not met yet
  std::priority_queue<Place, std::vector<Place>, Later> met_;          ///< what comes next of the others
  Place last_;
};

}  // namespace ratebook::writer
