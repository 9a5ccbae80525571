#include "sqlite/backup.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <thread>

#include "sqlite/file_lock.hpp"
#include "sqlite/migrations.hpp"
#include "sqlite/read_only.hpp"
#include "sqlite/sqlite_store.hpp"
#include "sqlite/wal_tie.hpp"

namespace ratebook::sqlite {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr int busy_tries_max = 500;
constexpr auto busy_pause = 10ms;

std::uint64_t size_or_zero(const std::string& path) {
  std::error_code error;
  const auto bytes = fs::file_size(path, error);
  return error ? 0 : bytes;
}

void remove_with_wal(const std::string& path) {
  std::error_code ignored;
  for (const auto* end : {"", "-wal", "-shm", "-journal"}) fs::remove(path + end, ignored);
}

Result<void> check_destination(const std::string& from, const std::string& to, bool replace) {
  std::error_code error;
  if (fs::equivalent(from, to, error)) {
    return fail(Failure::conflict, fmt::format("{}: is the file that is to be copied; name another", to));
  }
  if (is_locked(to)) {
    return fail(Failure::conflict, fmt::format("{}: a server has it open; stop that one, or name another file", to));
  }
  if (fs::is_directory(to, error)) return fail(Failure::conflict, fmt::format("{}: is a folder; name a file", to));
  if (!replace && fs::exists(to, error)) {
    return fail(Failure::conflict, fmt::format("{}: is there already; name another file, or say --force", to));
  }
  return {};
}

/// Removes its file unless it was kept: nothing half is left behind.
class Partial {
 public:
  explicit Partial(std::string path) : path_(std::move(path)) { remove_with_wal(path_); }
  ~Partial() {
    if (!kept_) remove_with_wal(path_);
  }
  Partial(const Partial&) = delete;
  Partial& operator=(const Partial&) = delete;

  const std::string& path() const { return path_; }

  /// Synced and under its name for good.
  Result<void> keep_as(const std::string& to) {
    if (auto synced = sync_file(path_); !synced) return synced;
    std::error_code error;
    fs::rename(path_, to, error);
    if (error) return fail(Failure::refused, fmt::format("{}: cannot be renamed: {}", path_, error.message()));
    kept_ = true;
    // Of what stood there before. Were it left, by a crash, it would be refused: it is not the copy's.
    fs::remove(to + "-wal", error);
    fs::remove(to + "-shm", error);
    return sync_folder(to);
  }

 private:
  std::string path_;
  bool kept_ = false;
};

class Copy {
 public:
  Copy(Connection& from, Connection& to) : copy_(sqlite3_backup_init(to.handle(), "main", from.handle(), "main")) {}
  ~Copy() { finish(); }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;

  bool has_begun() const { return copy_ != nullptr; }
  /// SQLITE_OK: there is more; SQLITE_DONE: that was all. Another program's lock on the copy is waited for.
  int step(int pages) {
    int code = SQLITE_BUSY;
    for (int tries = 0; tries < busy_tries_max && (code == SQLITE_BUSY || code == SQLITE_LOCKED); ++tries) {
      if (tries > 0) std::this_thread::sleep_for(busy_pause);
      code = sqlite3_backup_step(copy_, pages);
    }
    return code;
  }
  std::uint64_t pages() const { return static_cast<std::uint64_t>(sqlite3_backup_pagecount(copy_)); }
  std::uint64_t pages_left() const { return static_cast<std::uint64_t>(sqlite3_backup_remaining(copy_)); }
  int finish() { return sqlite3_backup_finish(std::exchange(copy_, nullptr)); }

 private:
  sqlite3_backup* copy_;
};

Result<void> copy_pages(Connection& from, const std::string& from_path, const std::string& to_path,
                        const BackupOptions& options) {
  auto made = Connection::create(to_path);
  if (!made) return std::unexpected(made.error());
  Connection& to = **made;
  // It is synced as a whole, before it has its name.
  to.script("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");
  if (auto set = to.result(); !set) return set;
  const std::uint64_t wal_bytes = size_or_zero(from_path + "-wal");
  Copy copy{from, to};
  if (!copy.has_begun()) return fail(Failure::unavailable, fmt::format("{}: {}", to_path, sqlite3_errmsg(to.handle())));
  int code = SQLITE_OK;
  while ((code = copy.step(options.pages_per_step)) == SQLITE_OK) {
    const auto page = static_cast<std::uint64_t>(page_bytes);
    options.progress((copy.pages() - copy.pages_left()) * page, copy.pages() * page);
    if (size_or_zero(from_path + "-wal") > wal_bytes + options.wal_growth_bytes_max) {
      return fail(Failure::full, fmt::format("{}: the server has written more than {} MiB while it was copied; copy to "
                                             "a faster disk, or in a quieter hour",
                                             from_path, options.wal_growth_bytes_max >> 20));
    }
  }
  const int finished = copy.finish();
  if (code == SQLITE_DONE && finished == SQLITE_OK) return {};
  const int why = code == SQLITE_DONE ? finished : code;
  return fail(failure_of(why), fmt::format("{}: cannot be written: {}", to_path, sqlite3_errstr(why)));
}

/// The copy is no state of the file that it was copied from, and says that it has no WAL: whatever WAL it is put beside
/// is refused.
Result<void> part_from_wal(const std::string& path) {
  auto opened = Connection::open(path, {});
  if (!opened) return std::unexpected(opened.error());
  (*opened)->script("PRAGMA synchronous = OFF; PRAGMA journal_mode = DELETE");
  cut_tie(**opened);
  return (*opened)->result();
}

Result<store::Head> head_of(const std::string& path) {
  auto opened = open_to_read(path);
  if (!opened) return std::unexpected(opened.error());
  const store::Head head = read_head(**opened);
  return (*opened)->result(head);
}

}  // namespace

Result<BackupReport> backup_file(const std::string& from, const std::string& to, const BackupOptions& options) {
  auto opened = open_to_read(from);
  if (!opened) return std::unexpected(opened.error());
  if (auto free = check_destination(from, to, options.replace); !free) return std::unexpected(free.error());
  Connection& db = **opened;
  db.run("BEGIN");
  const store::Head head = read_head(db);
  if (auto begun = db.result(); !begun) return std::unexpected(begun.error());
  Partial partial{to + ".partial"};
  if (auto copied = copy_pages(db, from, partial.path(), options); !copied) return std::unexpected(copied.error());
  if (auto parted = part_from_wal(partial.path()); !parted) return std::unexpected(parted.error());
  const auto found = head_of(partial.path());
  if (!found) return std::unexpected(found.error());
  if (*found != head) return fail(Failure::damaged, fmt::format("{}: is not what was copied", partial.path()));
  const std::uint64_t bytes = size_or_zero(partial.path());
  if (auto kept = partial.keep_as(to); !kept) return std::unexpected(kept.error());
  return BackupReport{.version = head.version, .chain = head.chain, .bytes = bytes};
}

}  // namespace ratebook::sqlite
