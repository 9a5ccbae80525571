#include "sqlite/checkpoint.hpp"

#include <fmt/format.h>

namespace ratebook::sqlite {
namespace {

constexpr Duration tick = std::chrono::milliseconds{200};

/// The columns of PRAGMA wal_checkpoint.
struct Moved {
  bool is_busy = true;
  std::int64_t frames = 0;
  std::int64_t frames_moved = -1;
};

Moved run_checkpoint(Connection& db, std::string_view mode) {
  Moved moved;
  Query row{db, fmt::format("PRAGMA wal_checkpoint({})", mode)};
  if (row.next()) {
    moved = {.is_busy = row.integer(0) != 0, .frames = row.integer(1), .frames_moved = row.integer(2)};
    row.next();
  }
  return moved;
}

}  // namespace

Result<void> checkpoint_whole(Connection& db) {
  const Moved moved = run_checkpoint(db, "TRUNCATE");
  if (auto done = db.result(); !done) return done;
  if (moved.is_busy) {
    return fail(Failure::unavailable, "another program holds the file open in a transaction: end it, then start again");
  }
  return {};
}

bool Checkpointer::run() {
  const std::lock_guard lock{mutex_};
  const Moved moved = run_checkpoint(*db_, "PASSIVE");
  // A checkpoint that fails (a full disk) leaves all in the WAL, where it is safe; the next one tries again.
  const bool failed = db_->take_fault().has_value();
  ++meters_.checkpoints;
  return !failed && !moved.is_busy && moved.frames == moved.frames_moved;
}

Housekeeper::Housekeeper(WriteSide& side, Checkpointer& checkpointer, const Runtime& runtime, Signal grown,
                         CheckpointOptions options, Meters& meters)
    : side_(side),
      checkpointer_(checkpointer),
      runtime_(runtime),
      grown_(std::move(grown)),
      options_(options),
      meters_(meters),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Housekeeper::~Housekeeper() {
  thread_.request_stop();
  grown_.notify();
  thread_.join();
}

void Housekeeper::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const std::uint64_t seen = grown_.count();
    WriteSide::Turn{side_}.commit_if_old();
    keep_wal_small();
    if (!stop.stop_requested()) grown_.wait_past(seen, tick);
  }
}

void Housekeeper::keep_wal_small() {
  const std::uint64_t commits = meters_.commits;
  if (commits == commits_moved_) return;
  const BootTime now = runtime_.boot_time();
  if (commits != commits_seen_) {
    commits_seen_ = commits;
    busy_at_ = now;
  }
  if (meters_.wal_bytes < options_.wal_bytes_soft && now - busy_at_ < options_.idle) return;
  if (checkpointer_.run()) commits_moved_ = commits;
}

}  // namespace ratebook::sqlite
