// One partition's writer: reads the log, decides which attempts are batches, stages and publishes them (rules 2–9).
//
//   log ─▶ Tracker (attempts: open, complete, void) ─▶ per source, in order ─▶ stage ─▶ publish ─▶ position
//
// A batch of many chunks is staged a chunk at a time, between which other sources' small batches pass it.
#pragma once
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "log/attempt.hpp"
#include "log/log.hpp"
#include "model/error.hpp"
#include "runtime/runtime.hpp"
#include "store/store.hpp"

namespace ratebook::writer {

struct Pending;

/// Told chunk `number` of an attempt at a batch of `price_count` prices, for the follower: as it is staged here, and,
/// where another node writes the partition, as it comes in the log. Whatever else becomes of the attempt.
using Offer = std::function<void(const std::string& attempt, std::uint32_t number, std::uint64_t price_count,
                                 const Chunk& chunk)>;

struct WriterOptions {
  Duration attempt_time_max = log::attempt_time_max;  ///< T: an open attempt is watched for 2 T, then abandoned
  Duration read_wait = std::chrono::milliseconds{200};
  Duration retry_wait = std::chrono::milliseconds{100};  ///< before a partition is begun anew after a failure
  Duration retry_wait_max = std::chrono::seconds{2};  ///< where it fails again and again, the wait doubles up to this
  /// A partition that does not get on for so long, as an engine does not answer, is left to other nodes with all
  /// others, until both engines answer: longer than any failover, which would end in the same for all nodes.
  Duration stall_time_max = std::chrono::minutes{1};
  std::size_t read_bytes_max = 8u << 20;
  std::size_t held_bytes_max = 64u << 20;  ///< chunks kept in memory until they are staged; more are read again
  std::size_t small_batch_chunks = 8;      ///< up to this a batch is staged at once; larger ones give way to others
  std::size_t decisions_per_publish = 256;
  /// Batches that wait in memory: more are not read while any waits. Only what stands behind large batches of its own
  /// source comes to so many; what is ready is decided before more is read.
  std::size_t pending_max = 100'000;
  /// Which of two sources' batches is decided first: the one that has waited longer (rule 22). The simulator, to see
  /// that it finds a writer that is unfair, has another.
  std::function<bool(const Pending& left, const Pending& right)> goes_before;
  Offset trim_interval = 256;  ///< records that the position passes between two trims of the log
  /// Grows where the store turned out to have another history (a restored backup): partitions are begun anew, since the
  /// store may lack what was decided in the one before.
  std::function<std::uint64_t()> history = [] { return std::uint64_t{0}; };
  std::function<void(const Fault&)> report = [](const Fault&) {};  ///< told of failures that are tried again
};

/// Writes one partition for as long as the log assigns it to this node, beginning anew after each failure, and watches
/// its log otherwise, until stopped. Keeps nothing that matters: the store's position says where to read on.
void run_partition(log::Log& log, store::Store& store, const Runtime& runtime, std::uint32_t partition,
                   const WriterOptions& options, const Offer& offer, const std::stop_token& stop);

}  // namespace ratebook::writer
