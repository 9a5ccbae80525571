// Keeps house in a thread of its own, off the path of a batch: moves the WAL into the file when it has grown or nothing
// happens, so that it stays bounded and a start is quick, and commits a transaction that everyone has left.
#pragma once
#include <atomic>
#include <memory>
#include <stop_token>
#include <thread>

#include "runtime/runtime.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/transaction.hpp"

namespace ratebook::sqlite {

struct CheckpointOptions {
  std::uint64_t wal_bytes_soft = 16u << 20;  ///< from here on the WAL is moved while others write
  std::uint64_t wal_bytes_hard = 64u << 20;  ///< from here on the writers wait meanwhile, so that it starts anew
  Duration idle = std::chrono::seconds{2};   ///< without a commit, whatever stands in the WAL is moved
};

class Housekeeper {
 public:
  /// `db` is the housekeeper's own; `grown` is notified after commits.
  Housekeeper(WriteSide& side, std::unique_ptr<Connection> db, const Runtime& runtime, Signal grown,
              CheckpointOptions options, Meters& meters);
  ~Housekeeper();

 private:
  void run(const std::stop_token& stop);
  void keep_wal_bounded();
  /// Whether all that stood in the WAL is in the file now.
  bool checkpoint();

  WriteSide& side_;
  std::unique_ptr<Connection> db_;
  const Runtime& runtime_;
  Signal grown_;
  CheckpointOptions options_;
  Meters& meters_;
  std::uint64_t commits_seen_ = 0;
  std::uint64_t commits_moved_ = 0;  ///< all of them are in the file
  BootTime busy_at_{};
  std::jthread thread_;
};

/// Moves the whole WAL into the file, both synced, and empties it. Failure::unavailable: another program reads.
Result<void> checkpoint_whole(Connection& db);

}  // namespace ratebook::sqlite
