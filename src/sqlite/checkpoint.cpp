#include "sqlite/checkpoint.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "sqlite/wal_index.hpp"

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
  if (!watch_.begin_move()) return false;
  const Moved moved = run_checkpoint(*db_, "PASSIVE");
  // A checkpoint that fails (a full disk) leaves all in the WAL, where it is safe; the next one tries again.
  const bool failed = db_->take_fault().has_value();
  watch_.end_move(*db_, !failed);
  ++meters_.checkpoints;
  if (failed || moved.is_busy) return false;
  const bool is_whole = moved.frames == moved.frames_moved;
  if (is_whole) {
    meters_.wal_held_since = BootTime{};
  } else if (meters_.wal_held_since.load() == BootTime{}) {
    meters_.wal_held_since = runtime_.boot_time();
  }
  return is_whole;
}

Housekeeper::Housekeeper(WriteSide& side, Checkpointer& checkpointer, FileWatch& watch, const Runtime& runtime,
                         Signal grown, CheckpointOptions options, const TransactionOptions& bounds, Report report,
                         Meters& meters)
    : side_(side),
      checkpointer_(checkpointer),
      watch_(watch),
      runtime_(runtime),
      grown_(std::move(grown)),
      options_(options),
      bounds_(bounds),
      report_(std::move(report)),
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
    look_at_file();
    look_at_wal();
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

void Housekeeper::look_at_file() {
  const BootTime now = runtime_.boot_time();
  const bool closely = now - looked_at_ >= options_.close_look;
  if (closely) looked_at_ = now;
  static_cast<void>(closely ? watch_.check_closely() : watch_.check());
  const auto state = watch_.state();
  say_place(state, now);
  // Then a copy of the file alone is a copy of all.
  const std::uint64_t commits = meters_.commits;
  if (state != FileWatch::State::moved || commits_rescued_ == commits || !checkpointer_.run()) return;
  commits_rescued_ = commits;
  report_(obs::Level::information,
          fmt::format("{}: all that was accepted is in /proc/{}/fd/{} now", watch_.path(), getpid(), watch_.file()));
}

void Housekeeper::say_place(FileWatch::State state, BootTime now) {
  const bool is_news = state != place_said_;
  if (!is_news && (state == FileWatch::State::in_place || now - place_said_at_ < options_.said_again)) return;
  place_said_ = state;
  place_said_at_ = now;
  if (is_news) commits_rescued_.reset();
  if (const auto found = watch_.found(); !found) {
    report_(obs::Level::error, found.error().message);
  } else {
    report_(obs::Level::information, fmt::format("{}: is in its place again; batches are taken", watch_.path()));
  }
}

void Housekeeper::look_at_wal() {
  const BootTime now = runtime_.boot_time();
  const BootTime since = meters_.wal_held_since;
  const std::uint64_t bytes = meters_.wal_bytes;
  if (since == BootTime{} || bytes < bounds_.wal_bytes_max) {
    if (held_since_ == BootTime{} || since != BootTime{}) return;
    report_(obs::Level::information,
            fmt::format("{}: the write-ahead log is moved into the file again; it had grown to {} MB in {} s",
                        watch_.path(), held_bytes_ / 1'000'000,
                        std::chrono::duration_cast<std::chrono::seconds>(now - held_since_).count()));
    held_since_ = BootTime{};
    return;
  }
  held_bytes_ = held_since_ == BootTime{} ? bytes : std::max(held_bytes_, bytes);
  if (held_since_ != BootTime{} && now - held_said_at_ < options_.said_again) return;
  held_since_ = since;
  held_said_at_ = now;
  report_(obs::Level::warning,
          fmt::format("{}: the write-ahead log has grown to {} MB and cannot be moved into the file: {} has read it in "
                      "one transaction for {} s; end that. From {} MB on nothing new is taken",
                      watch_.path(), bytes / 1'000'000, who_holds_wal(),
                      std::chrono::duration_cast<std::chrono::seconds>(now - since).count(),
                      bounds_.wal_bytes_limit / 1'000'000));
}

std::string Housekeeper::who_holds_wal() const {
  const int process = find_outside_reader(watch_.index());
  return process != 0 ? fmt::format("process {}", name_of_process(process))
                      : "a long export of this server, or a program in another container,";
}

}  // namespace ratebook::sqlite
