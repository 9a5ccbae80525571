// Keeps house in a thread of its own, off the path of a batch: moves the WAL into the file when it has grown or nothing
// happens, so that it stays bounded and a start is quick, and commits a transaction that everyone has left.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include "runtime/runtime.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/transaction.hpp"

namespace ratebook::sqlite {

struct CheckpointOptions {
  std::uint64_t wal_bytes_soft = 16u << 20;  ///< from here on the WAL is moved while others write
  Duration idle = std::chrono::seconds{2};   ///< without a commit, whatever stands in the WAL is moved
};

/// Moves what it can of the WAL into the file, on a connection of its own: anyone may ask, one does it at a time.
class Checkpointer {
 public:
  Checkpointer(std::unique_ptr<Connection> db, Meters& meters) : db_(std::move(db)), meters_(meters) {}
  /// Whether all that stood in the WAL is in the file now. Then, unless a reader still needs it, the next transaction
  /// starts the WAL anew.
  bool run();

 private:
  std::mutex mutex_;  ///< guards the connection
  std::unique_ptr<Connection> db_;
  Meters& meters_;
};

class Housekeeper {
 public:
  /// `grown` is notified when the WAL is over its soft bound.
  Housekeeper(WriteSide& side, Checkpointer& checkpointer, const Runtime& runtime, Signal grown,
              CheckpointOptions options, Meters& meters);
  ~Housekeeper();

 private:
  void run(const std::stop_token& stop);
  void keep_wal_small();

  WriteSide& side_;
  Checkpointer& checkpointer_;
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
