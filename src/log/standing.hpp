// Whether the log is the one that the store was written from, partition by partition, as this node knows it (rule 23).
//
//   not looked at yet ──▶ the store's ◀──▶ another log: nothing is put into it, nothing that it says counts
//
// Two things tell: a look at the record that the store's position names, and what the log itself said before: an
// acknowledgement below a record that this node has read is one of another log.
#pragma once
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "model/batch.hpp"
#include "runtime/runtime.hpp"

namespace ratebook::log {

/// For any thread.
class Standing {
 public:
  Standing(const Runtime& runtime, std::uint32_t partition_count);

  /// Where the partition reaches at least: past every record that it acknowledged to this node or gave it to read.
  struct Reach {
    Offset end = 0;
    std::uint64_t number = 0;  ///< another one after each time that another log was found, or was found to be gone
  };
  Reach reach(std::uint32_t partition) const;
  /// What a call said that began at `before`. It counts for nothing where the log may have changed since: an answer
  /// that was under way then is another log's.
  void reaches(std::uint32_t partition, Offset end, const Reach& before);

  /// What was known when a look at the log began.
  struct Start {
    Reach reach;
    bool in_doubt = true;
    BootTime found_at{};  ///< when it was last found to be another log
  };
  Start begin_look(std::uint32_t partition) const;
  /// It is the store's: the record of `position` is there, and the log, which ends at `end` (0: that was not asked),
  /// reaches as far as it did. Counts for nothing where the contrary was found since the look began. Returns whether
  /// that is news.
  bool proven(std::uint32_t partition, const Start& look, Offset position, Offset end = 0);
  /// It is another one; `why` says what was found and what to do. What was read since the last proof may have come from
  /// it, where `is_foreign`: how far the store's log reaches is then known from before. Returns whether that is news.
  bool is_other(std::uint32_t partition, std::string why, bool is_foreign);

  /// Why nothing may be put into the partition: it is another log, or has not been looked at within `wait`. A node that
  /// could not look for first_looks_time has no reason to wait.
  std::optional<std::string> doubt(std::uint32_t partition, Duration wait = Duration{0}) const;
  /// The same of all the time since: what was put into the log meanwhile may stand in two.
  std::optional<std::string> doubt_since(std::uint32_t partition, const Start& start) const;
  /// Why it is another log.
  std::optional<std::string> other(std::uint32_t partition) const;
  /// The first partition's doubt; nullopt: all are the store's.
  std::optional<std::string> first_doubt() const;
  std::size_t doubted_count() const;

  /// Something came that calls for a look at once.
  void ask_for_look(std::uint32_t partition);
  const Signal& look_asked(std::uint32_t partition) const { return partitions_[partition].asked; }

 private:
  struct Partition {
    bool is_proven = false;
    std::optional<std::string> other;
    std::uint64_t changes = 0;  ///< times that another log was found, or was found to be gone
    BootTime found_at{};
    Offset reach = 0;
    Offset reach_proven = 0;
    Signal asked;
  };
  static constexpr Duration first_looks_time = std::chrono::seconds{10};
  static std::optional<std::string> doubt_of(const Partition& partition, std::uint32_t number);

  const Runtime& runtime_;
  BootTime begun_;
  mutable std::mutex mutex_;
  std::deque<Partition> partitions_;
  Signal changed_;
};

}  // namespace ratebook::log
