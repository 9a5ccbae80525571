#include "sqlite/file.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>

#include "sqlite/file_lock.hpp"
#include "sqlite/file_watch.hpp"
#include "sqlite/migrations.hpp"
#include "sqlite/readers.hpp"
#include "sqlite/sqlite_log.hpp"
#include "sqlite/sqlite_store.hpp"
#include "sqlite/wal_tie.hpp"

namespace ratebook::sqlite {
namespace {

constexpr std::size_t quick_cache_kib = 2 * 1024;
constexpr std::size_t scan_cache_kib = 8 * 1024;

/// What makes a commit durable, and nothing that would slow it down: deleted log records are not overwritten with
/// zeros, and checkpoints are the housekeeper's.
std::string write_settings(const FileOptions& options) {
  std::string sql = fmt::format(
      "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = OFF; PRAGMA wal_autocheckpoint = 0; "
      "PRAGMA cache_size = -{}; PRAGMA journal_size_limit = {}",
      options.write_cache_bytes / 1024, options.transaction.wal_bytes_max);
  if (options.page_count_max > 0) sql += fmt::format("; PRAGMA max_page_count = {}", options.page_count_max);
  return sql;
}

std::uint64_t random_session(const Runtime& runtime) {
  std::array<std::uint8_t, sizeof(std::uint64_t)> bytes{};
  runtime.fill_random(bytes);
  return std::bit_cast<std::uint64_t>(bytes);
}

Result<std::unique_ptr<Connection>> open_write_connection(const std::string& path, const FileOptions& options,
                                                          std::uint64_t session) {
  auto opened = Connection::open(path, options.fatal);
  if (!opened) return opened;
  Connection& db = **opened;
  if (auto ours = check_ours(db, path); !ours) return std::unexpected(ours.error());
  db.script(fmt::format("PRAGMA page_size = {}; PRAGMA journal_mode = WAL", page_bytes));
  db.script(write_settings(options));
  if (auto set = db.result(); !set) return std::unexpected(set.error());
  if (auto moved = checkpoint_whole(db); !moved) return std::unexpected(moved.error());
  if (auto migrated = migrate(db, options.partition_count); !migrated) return std::unexpected(migrated.error());
  // A WAL that makes the tie proves nothing yet: it is gone before anything is accepted.
  if (make_tie_table(db, {.session = session, .number = 0})) {
    if (auto moved = checkpoint_whole(db); !moved) return std::unexpected(moved.error());
  }
  if (auto made = db.result(); !made) return std::unexpected(made.error());
  return opened;
}

Result<std::unique_ptr<Connection>> open_checkpoint_connection(const std::string& path, const FileOptions& options) {
  auto opened = Connection::open(path, options.fatal);
  if (!opened) return opened;
  (*opened)->script("PRAGMA synchronous = FULL");
  if (auto set = (*opened)->result(); !set) return std::unexpected(set.error());
  return opened;
}

}  // namespace

/// In the order in which they are made; they go in the reverse order, the lock last.
struct File::Parts {
  Parts(FileLock taken, const Runtime& with) : lock(std::move(taken)), runtime(with), grown(runtime.make_signal()) {}
  ~Parts() {
    if (!housekeeper) return;  // it was not opened to the end
    housekeeper.reset();
    if (!watch->check_closely()) leave_files_alone();
  }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  /// The last connection that closes moves the WAL and removes what lies at its path: not where that may be another's.
  void leave_files_alone() {
    if (watch->state() == FileWatch::State::moved) checkpointer->run();
    for (Readers* readers : {quick.get(), steps.get(), scans.get()}) readers->leave_wal_at_close();
    side->leave_wal_at_close();
    checkpointer->leave_wal_at_close();
  }

  static int note_commit(void* parts, sqlite3*, const char*, int pages) {
    auto* self = static_cast<Parts*>(parts);
    self->meters.wal_bytes = static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_bytes);
    if (self->meters.wal_bytes >= self->wal_bytes_soft) self->grown.notify();
    return SQLITE_OK;
  }

  FileLock lock;
  std::unique_ptr<FileWatch> watch;
  Runtime runtime;
  Signal grown;
  Meters meters;
  std::uint64_t wal_bytes_soft = 0;
  std::unique_ptr<Readers> quick;
  std::unique_ptr<Readers> steps;
  std::unique_ptr<Readers> scans;
  std::unique_ptr<Checkpointer> checkpointer;
  std::unique_ptr<WriteSide> side;
  std::unique_ptr<SqliteLog> log;
  std::unique_ptr<SqliteStore> store;
  std::unique_ptr<Housekeeper> housekeeper;
};

Result<std::unique_ptr<File>> File::open(const std::string& path, const Runtime& runtime, const FileOptions& options) {
  auto lock = FileLock::take(path);
  if (!lock) return std::unexpected(lock.error());
  if (auto own = check_wal_is_own(path); !own) return std::unexpected(own.error());
  if (auto prepared = prepare_file(path); !prepared) return std::unexpected(prepared.error());
  auto parts = std::make_unique<Parts>(*std::move(lock), runtime);
  auto watch = FileWatch::begin(path, parts->lock);
  if (!watch) return std::unexpected(watch.error());
  parts->watch = *std::move(watch);
  const std::uint64_t session = random_session(runtime);
  auto db = open_write_connection(path, options, session);
  if (!db) return std::unexpected(db.error());
  if (auto noted = parts->watch->note_opened(**db, session); !noted) return std::unexpected(noted.error());
  auto quick = Readers::open(*parts->watch, options.fatal, options.quick_reader_count, quick_cache_kib);
  if (!quick) return std::unexpected(quick.error());
  auto steps = Readers::open(*parts->watch, options.fatal, options.step_reader_count, scan_cache_kib);
  if (!steps) return std::unexpected(steps.error());
  auto scans = Readers::open(*parts->watch, options.fatal, options.scan_reader_count, scan_cache_kib);
  if (!scans) return std::unexpected(scans.error());
  auto checkpoint_db = open_checkpoint_connection(path, options);
  if (!checkpoint_db) return std::unexpected(checkpoint_db.error());

  std::uint32_t partition_count = 0;
  {
    Query count{**db, "SELECT count(*) FROM log_partition"};
    if (count.next()) partition_count = count.integer_as<std::uint32_t>(0);
  }
  if (auto counted = (*db)->result(); !counted) return std::unexpected(counted.error());
  parts->wal_bytes_soft = options.checkpoint.wal_bytes_soft;
  parts->quick = *std::move(quick);
  parts->steps = *std::move(steps);
  parts->scans = *std::move(scans);
  sqlite3_wal_hook((*db)->handle(), Parts::note_commit, parts.get());
  parts->checkpointer =
      std::make_unique<Checkpointer>(*std::move(checkpoint_db), *parts->watch, parts->runtime, parts->meters);
  parts->side = std::make_unique<WriteSide>(*std::move(db), *parts->checkpointer, *parts->watch, parts->runtime,
                                            options.transaction, parts->meters, partition_count);
  auto log = SqliteLog::open(*parts->side, parts->runtime, parts->meters, options.log);
  if (!log) return std::unexpected(log.error());
  parts->log = *std::move(log);
  parts->store = std::make_unique<SqliteStore>(*parts->side, *parts->quick, *parts->steps, *parts->scans,
                                               parts->runtime, parts->meters, partition_count);
  parts->housekeeper =
      std::make_unique<Housekeeper>(*parts->side, *parts->checkpointer, *parts->watch, parts->runtime, parts->grown,
                                    options.checkpoint, options.transaction, options.report, parts->meters);
  return std::unique_ptr<File>{new File{std::move(parts)}};
}

File::File(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
File::~File() = default;

log::Log& File::log() { return *parts_->log; }
store::Store& File::store() { return *parts_->store; }
bool File::is_in_place() const { return parts_->watch->found().has_value(); }

Counters File::counters() const {
  const Meters& meters = parts_->meters;
  const BootTime held = meters.wal_held_since;
  return {.commits = meters.commits,
          .rollbacks = meters.rollbacks,
          .records_appended = meters.records_appended,
          .bytes_appended = meters.bytes_appended,
          .prices_staged = meters.prices_staged,
          .checkpoints = meters.checkpoints,
          .wal_bytes = meters.wal_bytes,
          .wal_held = held == BootTime{} ? Duration{} : parts_->runtime.boot_time() - held};
}

}  // namespace ratebook::sqlite
