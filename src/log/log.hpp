// The seam to the log: durable, ordered, in partitions. What stands in it is decided by its order alone.
//
//   partition 3:  | 17 a:0 | 18 b:0 last | 19 a:1 last | 20 retraction | …      a, b: attempts; a:1: chunk 1 of a
//                            b is complete  a is complete
//
// Implementations: sqlite::File (embedded), kafka::KafkaLog (cluster), sim::SimLog. All calls may block; none may be
// called under a lock.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/batch.hpp"
#include "model/error.hpp"
#include "runtime/runtime.hpp"

namespace ratebook::log {

class Standing;

struct StoredRecord {
  Offset offset = 0;
  std::string bytes;
};

/// Gives the next record's bytes, nullopt after the last, or why it cannot be read.
using RecordSource = std::function<Result<std::optional<std::string>>()>;

/// What the group assigns to this node now. The generation changes with each new assignment of any partition, also
/// where the same partition comes back.
struct Assignment {
  std::uint64_t generation = 0;
  std::vector<std::uint32_t> partitions;

  bool operator==(const Assignment&) const = default;
};

enum class Leave { for_now, for_good };  ///< until rejoin(), or for the life of the process

class Log {
 public:
  virtual ~Log() = default;

  virtual std::uint32_t partition_count() const = 0;
  /// Whether log and store are one file, so that they cannot part and a position needs no digest to prove it.
  virtual bool is_part_of_store() const = 0;
  /// What this node knows of whether this is the log that the store was written from (rule 23); nullptr: it can be no
  /// other. Appends and reads add what they see; a look at the store's position decides (writer/log_check.hpp).
  virtual Standing* standing() { return nullptr; }

  /// Appends the records in order and blocks until each is acknowledged as durable; returns the last one's offset.
  /// Other records may stand between them. Failure::refused and full: none of them is in, nor will be.
  /// Failure::unknown: any of them may be in, now or later. So is one that was acknowledged at an offset below a record
  /// that this node knew before: it stands in another log.
  virtual Result<Offset> append(std::uint32_t partition, const RecordSource& records) = 0;

  /// The records from offset `from` on, in order: at most bytes_max in all but at least one if there is one; waits at
  /// most `wait` for the first. Failure::damaged: records from `from` on have been trimmed. Where the log ends before
  /// `from`, though it reached `from` once: Failure::unavailable, and damaged where it goes on to, for longer than a
  /// change of leaders explains; never empty, so that who reads in sequence passes over nothing.
  virtual Result<std::vector<StoredRecord>> read(std::uint32_t partition, Offset from, std::size_t bytes_max,
                                                 Duration wait) = 0;

  /// Where the next record will stand, or later. A log that no other node shares is read by its one writer only, from
  /// the store's position on: Failure::refused.
  virtual Result<Offset> end(std::uint32_t partition) {
    return fail(Failure::refused, "partition " + std::to_string(partition) + " is read from its position on only");
  }

  /// Does not block.
  virtual Assignment assignment() = 0;

  /// Gives back what is assigned here: another node may know, or reach, what this one does not. A log that no other
  /// node shares has nobody to give it to.
  virtual void leave(const std::string& why, Leave how) {
    static_cast<void>(why);
    static_cast<void>(how);
  }
  /// Takes part again, unless it left for good.
  virtual void rejoin() {}

  /// Lets the log delete what stands before offset `before`. It may keep more.
  virtual Result<void> trim(std::uint32_t partition, Offset before) = 0;

  /// Why it takes nothing new now, and what an operator can do; nullopt: it does. Does not block.
  virtual std::optional<std::string> refusal() const { return std::nullopt; }
};

}  // namespace ratebook::log
