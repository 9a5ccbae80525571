// Which attempts of a partition are batches: a pure reading of the log's order (rules 2 and 3).
//
//   chunk 0 … chunk n in order ─▶ complete        abandon first, a gap, a changed header ─▶ void, for ever
//
// What is complete waits in its source's queue until it is decided; queues of different sources do not wait for each
// other.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "log/log.hpp"
#include "log/record.hpp"
#include "model/price.hpp"
#include "runtime/runtime.hpp"
#include "store/store.hpp"

namespace ratebook::writer {

/// A chunk of an attempt: where it stands, and its prices as long as memory allows.
struct ChunkPlace {
  Offset offset = 0;
  std::size_t bytes = 0;
  std::optional<Chunk> held;
};

/// A record, or the records of a complete attempt, that wait for their decision.
struct Pending {
  Offset first = 0;  ///< the first record that is needed to decide it
  Offset last = 0;   ///< the record that completed it: decisions of a source follow this order
  std::string source;
  std::string retracted_id;  ///< a retraction of this batch; empty: a batch
  BatchHeader header;
  std::string attempt;
  std::vector<ChunkPlace> chunks;
  std::size_t staged = 0;       ///< chunks 0..staged-1 stand in the store
  bool decided_before = false;  ///< the store knows the id: nothing to stage
};

class Tracker {
 public:
  explicit Tracker(std::size_t held_bytes_max) : held_bytes_max_(held_bytes_max) {}

  /// Takes the next record, in the order of the log. Failure::unavailable: a format that this program does not know;
  /// nothing was taken.
  Result<void> take(const log::StoredRecord& record, BootTime now);

  /// Attempts that are open and were first seen at or before `seen`.
  std::vector<std::string> open_since(BootTime seen) const;

  /// Complete ones by source, each queue in the order of the log.
  std::map<std::string, std::deque<Pending>>& pending() { return pending_; }
  /// Lets go of a queue's front, which is decided.
  void decided(const std::string& source);
  /// Lets go of a chunk's prices, which are staged.
  void release(ChunkPlace& chunk);

  /// The first record that is still needed if the `skipped` first of each source's queue were decided; `end` if none.
  Offset first_needed(const std::map<std::string, std::size_t>& skipped, Offset end) const;

  /// Attempts found void, and records without sense, since the last publish.
  std::vector<std::string> swept;
  std::vector<store::BadRecord> bad_records;

 private:
  struct Open {
    BootTime seen{};
    Offset first = 0;
    BatchHeader header;
    std::uint64_t prices = 0;
    std::vector<ChunkPlace> chunks;
  };
  void take_chunk(const log::StoredRecord& record, log::ChunkRecord&& chunk, BootTime now);
  void make_void(const std::string& attempt);

  std::size_t held_bytes_max_;
  std::size_t held_bytes_ = 0;
  std::unordered_map<std::string, Open> open_;
  std::set<Offset> open_firsts_;
  // What was complete or void stays so, also if more of its records come. Bounded: only an attempt's own node, within
  // its own time, or a broker's late delivery could add to it.
  std::deque<std::string> closed_order_;
  std::set<std::string> closed_;
  std::map<std::string, std::deque<Pending>> pending_;

  void close(const std::string& attempt);
};

}  // namespace ratebook::writer
