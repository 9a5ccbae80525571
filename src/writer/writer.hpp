// One partition's writer: reads the log, decides which attempts are batches, stages and publishes them (rules 2–9).
//
//   log ─▶ Tracker (attempts: open, complete, void) ─▶ per source, in order ─▶ stage ─▶ publish ─▶ position
//
// It keeps nothing that matters: whatever fails, it claims the partition anew and reads on from the store's position.
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

/// Told the prices of an attempt just before it is published, where they are at hand (the follower's hints).
using Offer = std::function<void(const std::string& attempt, std::vector<NumberedPrice> prices)>;

struct WriterOptions {
  Duration attempt_time_max = log::attempt_time_max;  ///< T: an open attempt is watched for 2 T, then abandoned
  Duration read_wait = std::chrono::milliseconds{200};
  std::size_t read_bytes_max = 8u << 20;
  std::size_t held_bytes_max = 64u << 20;   ///< chunks of complete attempts kept in memory; more are read again
  std::size_t decisions_per_publish = 256;
};

/// Runs one assignment of one partition until it is lost, the node is stopped, or something fails; then returns why.
/// The caller looks whether the partition is still assigned and, if so, runs it again.
class PartitionWriter {
 public:
  PartitionWriter(log::Log& log, store::Store& store, const Runtime& runtime, std::uint32_t partition,
                  WriterOptions options, Offer offer);
  ~PartitionWriter();

  /// Failure::lost: another writer has taken over, or the log is not the one of the position (damaged).
  Fault run(const std::stop_token& stop, const std::function<bool()>& assigned);

 private:
  class State;
  log::Log& log_;
  store::Store& store_;
  const Runtime& runtime_;
  std::uint32_t partition_;
  WriterOptions options_;
  Offer offer_;
};

/// Runs a PartitionWriter for each partition that the log assigns to this node, one after the other in this thread
/// where there is one partition, until stopped.
void run_partition(log::Log& log, store::Store& store, const Runtime& runtime, std::uint32_t partition,
                   const WriterOptions& options, const Offer& offer, const std::stop_token& stop);

}  // namespace ratebook::writer
