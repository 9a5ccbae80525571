// The one write connection, and the transaction that its users share: whoever writes joins the open one, and one COMMIT
// (one fsync) acknowledges all that is inside.
//
//   append a ──┐ joins, waits          append b ──┐ joins, waits
//              └ writer reads a ─ stages a ─ publishes a = COMMIT: a is durable and a version, b is durable
//
// Who comes during the COMMIT takes no turn: the next transaction begins with all of those.
// Where no publish comes in time, who waits commits. A transaction that is rolled back takes all of it along: everyone
// is told, and if the writer has seen any of it, every claim of a partition is void.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "model/error.hpp"
#include "runtime/runtime.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/file_watch.hpp"
#include "sqlite/turn_queue.hpp"

namespace ratebook::sqlite {

/// Counted since the file was opened.
struct Counters {
  std::uint64_t commits = 0;
  std::uint64_t rollbacks = 0;
  std::uint64_t records_appended = 0;
  std::uint64_t bytes_appended = 0;
  std::uint64_t prices_staged = 0;
  std::uint64_t checkpoints = 0;
  std::uint64_t wal_bytes = 0;  ///< of frames in the WAL after the last commit: a level, not a count
  Duration wal_held{};          ///< how long a reader has kept the WAL from being moved whole: a level
};

struct Meters {
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::uint64_t> rollbacks{0};
  std::atomic<std::uint64_t> records_appended{0};
  std::atomic<std::uint64_t> bytes_appended{0};
  std::atomic<std::uint64_t> prices_staged{0};
  std::atomic<std::uint64_t> checkpoints{0};
  std::atomic<std::uint64_t> wal_bytes{0};
  /// Since when a reader keeps the WAL from being moved whole; zero: none does.
  std::atomic<BootTime> wal_held_since{BootTime{}};
};

struct TransactionOptions {
  /// How long an append waits for company and for a writer that reads it.
  Duration quiet_max = std::chrono::milliseconds{5};
  /// How long it waits on for a writer that has read it and does nothing any more; at least quiet_max.
  Duration writer_quiet_max = std::chrono::milliseconds{100};
  /// No append waits longer, whatever goes on in the transaction.
  Duration age_max = std::chrono::milliseconds{300};
  /// So many staged prices are committed without a publish, so that a large batch makes no large transaction.
  std::uint64_t prices_max = 200'000;
  /// For another program's write lock, from when a turn was asked for: who waits behind someone does not wait anew.
  Duration lock_wait_max = std::chrono::seconds{5};
  /// From this size of the WAL on, a commit moves it into the file before the next one comes.
  std::uint64_t wal_bytes_max = 64u << 20;
  /// From this size on, where a reader keeps the WAL from being moved, nothing new is taken.
  std::uint64_t wal_bytes_limit = std::uint64_t{16} << 30;
};

class Checkpointer;

class WriteSide {
 public:
  WriteSide(std::unique_ptr<Connection> db, Checkpointer& checkpointer, FileWatch& watch, const Runtime& runtime,
            TransactionOptions options, Meters& meters, std::size_t partition_count)
      : db_(std::move(db)),
        watch_(watch),
        checkpointer_(checkpointer),
        runtime_(runtime),
        options_(options),
        meters_(meters),
        claimed_epochs_(partition_count, 0) {}

  /// Holds the write connection; everyone else waits.
  class Turn;
  /// What is put into a transaction; called with a turn, at most once.
  using Work = std::function<void(Turn&)>;

  /// Has `work` done in the open transaction if the turn is free, otherwise at the begin of the next. Calls `joined`,
  /// blocks until that transaction has ended, and returns how. Begins it, and commits it, when nobody else does in
  /// time.
  Result<void> join(const Work& work, const std::function<void()>& joined);

  /// Failure::full: a reader has kept the WAL until it reached its limit.
  Result<void> check_room() const;
  /// Whether what is written is what a start would find at the path; needs no turn.
  Result<void> check_place() const { return watch_.check(); }
  /// Nobody is in a transaction any more.
  void leave_wal_at_close() { db_->leave_wal_at_close(); }

 private:
  /// Those who are in one transaction. What appenders wait for has a lock of its own, so that they need no turn for it.
  struct Group {
    std::vector<bool> appended_to;  ///< by partition; this and the next need a turn
    std::uint64_t prices = 0;

    std::mutex mutex;  ///< guards the rest, which, once the transaction is open, changes only within a turn
    std::condition_variable changed;
    BootTime opened_at{};  ///< or, until it is open, when the first came that waits for it
    bool seen = false;     ///< the writer has read records that were appended in it
    BootTime writer_at{};  ///< when the writer last did something in it; zero: never
    bool ended = false;
    Result<void> outcome;
    std::shared_ptr<Group> moved_to;  ///< those who waited for this one are in that one

    void note_writer(BootTime now, bool reads);
    bool has_ended();
    void move_to(std::shared_ptr<Group> other);
    std::shared_ptr<Group> moved();  ///< nullptr: it was not
    /// Returns when it has ended, or is due.
    void wait(const Runtime& runtime, const TransactionOptions& options);
    BootTime due_at(const TransactionOptions& options) const;
  };

  Result<std::shared_ptr<Group>> put(Turn& turn, const Work& work);
  std::shared_ptr<Group> put_into_next(const Work& work);
  /// True: it is not done yet, and will not be.
  bool withdraw(const Work& work);
  /// The group of the transaction that begins now, and what it begins with.
  std::shared_ptr<Group> take_next(std::vector<const Work*>& works);
  void end(Result<void> outcome);
  void roll_back(const Fault& why);
  void void_claims();
  Result<void> commit();
  void keep_wal_bounded();

  std::unique_ptr<Connection> db_;
  FileWatch& watch_;
  Checkpointer& checkpointer_;
  const Runtime& runtime_;
  TransactionOptions options_;
  Meters& meters_;
  TurnQueue turns_;                   ///< guards all below and the connection
  std::shared_ptr<Group> group_;      ///< of the open transaction; nullptr: none is open
  std::mutex next_mutex_;             ///< guards the next two; no turn is taken within it
  std::shared_ptr<Group> next_;       ///< of the transaction after the open one, if someone waits for it
  std::vector<const Work*> waiting_;  ///< what it begins with
  std::vector<std::uint64_t> claimed_epochs_;
  std::uint64_t wal_bytes_next_ = 0;  ///< where the WAL is moved again, while a reader keeps it from starting anew
};

class WriteSide::Turn {
 public:
  explicit Turn(WriteSide& side) : side_(side), asked_at_(side.runtime_.boot_time()), lock_(side.turns_) {}
  Turn(WriteSide& side, std::unique_lock<TurnQueue> lock)
      : side_(side), asked_at_(side.runtime_.boot_time()), lock_(std::move(lock)) {}

  Connection& db() { return *side_.db_; }
  bool is_open() const { return side_.group_ != nullptr; }
  /// Joins the open transaction or begins one, with what waits for it.
  Result<void> begin();
  /// Takes what waits for the next one into the open one, or begins one with it; those whom that fails hear it. Does
  /// not wait for another program's lock.
  void take_waiting();
  /// Begins one that nobody else is in, where none is open.
  Result<void> begin_alone();
  /// Commits the open transaction, if there is one.
  Result<void> commit() { return side_.commit(); }
  /// The connection's failure, if it has one; then the open transaction is rolled back, whoever is in it.
  Result<void> check();
  /// Rolls the open transaction back, whoever is in it.
  void abandon(const Fault& why) { side_.roll_back(why); }

  void note_appended(std::uint32_t partition);
  /// The writer has read what stands in a partition: an append in it need not hurry.
  void note_read(std::uint32_t partition);
  /// The writer has put something into the transaction. True: so many prices stand in it that it should be committed.
  bool note_written(std::uint64_t prices);

  /// Commits a transaction that is older than any may be.
  void commit_if_old();

  bool holds(std::uint32_t partition, std::uint64_t epoch) const;
  void set_claim(std::uint32_t partition, std::uint64_t epoch) { side_.claimed_epochs_[partition] = epoch; }
  std::size_t partition_count() const { return side_.claimed_epochs_.size(); }

 private:
  Result<void> begin_with_waiting(Duration lock_wait);
  Result<void> begin_transaction(Duration lock_wait);
  Duration lock_wait_left() const;  ///< none, where it is not positive
  void open(std::shared_ptr<Group> group);

  WriteSide& side_;
  BootTime asked_at_;
  std::unique_lock<TurnQueue> lock_;
};

}  // namespace ratebook::sqlite
