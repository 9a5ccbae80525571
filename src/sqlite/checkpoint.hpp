// Keeps house in a thread of its own, off the path of a batch: moves the WAL into the file when it has grown or nothing
// happens, so that it stays bounded and a start is quick, commits a transaction that everyone has left, and looks
// whether the file is in its place. It says what an operator has to mend.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "obs/logger.hpp"
#include "runtime/runtime.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/file_watch.hpp"
#include "sqlite/transaction.hpp"

namespace ratebook::sqlite {

struct CheckpointOptions {
  std::uint64_t wal_bytes_soft = 16u << 20;       ///< from here on the WAL is moved while others write
  Duration idle = std::chrono::seconds{2};        ///< without a commit, whatever stands in the WAL is moved
  Duration close_look = std::chrono::seconds{1};  ///< so often the file is read where it should not have changed
  Duration said_again = std::chrono::minutes{1};  ///< so often what an operator has to mend is said
};

/// Told what happens to the file, for the log.
using Report = std::function<void(obs::Level, const std::string&)>;

/// Moves what it can of the WAL into the file, on a connection of its own: anyone may ask, one does it at a time.
class Checkpointer {
 public:
  Checkpointer(std::unique_ptr<Connection> db, FileWatch& watch, const Runtime& runtime, Meters& meters)
      : db_(std::move(db)), watch_(watch), runtime_(runtime), meters_(meters) {}
  /// Whether all that stood in the WAL is in the file now. Then, unless a reader still needs it, the next transaction
  /// starts the WAL anew.
  bool run();
  void leave_wal_at_close() { db_->leave_wal_at_close(); }

 private:
  std::mutex mutex_;  ///< guards the connection
  std::unique_ptr<Connection> db_;
  FileWatch& watch_;
  const Runtime& runtime_;
  Meters& meters_;
};

class Housekeeper {
 public:
  /// `grown` is notified when the WAL is over its soft bound.
  Housekeeper(WriteSide& side, Checkpointer& checkpointer, FileWatch& watch, const Runtime& runtime, Signal grown,
              CheckpointOptions options, const TransactionOptions& bounds, Report report, Meters& meters);
  ~Housekeeper();

 private:
  void run(const std::stop_token& stop);
  void keep_wal_small();
  void look_at_file();
  void say_place(FileWatch::State state, BootTime now);
  void look_at_wal();
  std::string who_holds_wal() const;

  WriteSide& side_;
  Checkpointer& checkpointer_;
  FileWatch& watch_;
  const Runtime& runtime_;
  Signal grown_;
  CheckpointOptions options_;
  TransactionOptions bounds_;
  Report report_;
  Meters& meters_;
  std::uint64_t commits_seen_ = 0;
  std::uint64_t commits_moved_ = 0;  ///< all of them are in the file
  BootTime busy_at_{};
  BootTime looked_at_{};  ///< closely, at the file
  FileWatch::State place_said_ = FileWatch::State::in_place;
  BootTime place_said_at_{};
  /// Up to which all is in the file itself, as said, since it was moved. More come where it was back in its place for
  /// less than a tick.
  std::optional<std::uint64_t> commits_rescued_;
  BootTime held_since_{};  ///< of the WAL, as said; zero: nothing was said
  BootTime held_said_at_{};
  std::uint64_t held_bytes_ = 0;  ///< the most since then
  std::jthread thread_;
};

/// Moves the whole WAL into the file, both synced, and empties it. Failure::unavailable: another program reads.
Result<void> checkpoint_whole(Connection& db);

}  // namespace ratebook::sqlite
