#include "sqlite/file_watch.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

namespace ratebook::sqlite {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// Another program may be writing what is read, rightly: a checkpoint of its own.
constexpr int looks_max = 4;
constexpr auto pause_between_looks = 2ms;

/// SQLite follows a link to the file first, and keeps what belongs to it beside it there.
std::string real_path(const std::string& path) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(path, error);
  return error ? path : real.string();
}

std::string why_last() { return std::generic_category().message(errno); }

}  // namespace

bool FileWatch::Stamp::operator==(const Stamp& other) const {
  const auto same = [](const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; };
  return size == other.size && same(written, other.written) && same(altered, other.altered);
}

Result<std::unique_ptr<FileWatch>> FileWatch::begin(const std::string& path, const FileLock& lock) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return fail(Failure::refused, fmt::format("{}: cannot be read: {}", path, why_last()));
  std::unique_ptr<FileWatch> watch{new FileWatch{path, lock, file}};
  watch->add_part(path, "the data file", file);
  return watch;
}

FileWatch::FileWatch(std::string path, const FileLock& lock, int file)
    : path_(std::move(path)), lock_(lock), file_(file) {}

FileWatch::~FileWatch() {
  for (const int file : {file_, wal_, index_}) {
    if (file >= 0) close(file);
  }
}

void FileWatch::add_part(const std::string& path, std::string what, int file) {
  struct stat now{};
  if (fstat(file, &now) == 0) parts_.push_back({path, std::move(what), now.st_dev, now.st_ino});
}

Result<void> FileWatch::note_opened(Connection& db, std::uint64_t session) {
  const std::lock_guard lock{mutex_};
  const std::string real = real_path(path_);
  wal_ = open((real + "-wal").c_str(), O_RDONLY | O_CLOEXEC);
  index_ = open((real + "-shm").c_str(), O_RDONLY | O_CLOEXEC);
  int has_moved = 0;
  sqlite3_file_control(db.handle(), "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
  if (wal_ < 0 || index_ < 0 || has_moved != 0) {
    return fail(Failure::conflict, fmt::format("{}: was moved or replaced while it was opened; start again", path_));
  }
  add_part(real + "-wal", "its write-ahead log", wal_);
  add_part(real + "-shm", "the index of its write-ahead log", index_);
  add_part(real + "-lock", "its lock", lock_.file());
  session_ = session;
  {
    Query size{db, "PRAGMA page_size"};
    if (size.next()) page_bytes_ = size.integer(0);
  }
  tie_page_ = tie_page_number(db);
  const auto tie = read_tie(db);
  if (auto asked = db.result(); !asked) return asked;
  if (!tie) return fail(Failure::damaged, fmt::format("{}: its table wal_tie is not as it was made", path_));
  held_ = tie->commit;
  last_ = held_.number;
  struct stat now{};
  if (fstat(file_, &now) == 0) stamp_ = {now.st_size, now.st_mtim, now.st_ctim};
  if (const std::string moved = find_moved(); !moved.empty()) {
    return fail(Failure::conflict, fmt::format("{}: {} while it was opened; start again", path_, moved));
  }
  return {};
}

CommitName FileWatch::next_commit() {
  const std::lock_guard lock{mutex_};
  return {session_, ++last_};
}

Result<void> FileWatch::check() {
  const std::lock_guard lock{mutex_};
  look(false);
  return state_ == State::in_place ? Result<void>{} : fail(Failure::refused, trouble_);
}

Result<void> FileWatch::check_closely() {
  const std::lock_guard lock{mutex_};
  look(true);
  return state_ == State::in_place ? Result<void>{} : fail(Failure::refused, trouble_);
}

Result<void> FileWatch::found() const {
  const std::lock_guard lock{mutex_};
  return state_ == State::in_place ? Result<void>{} : fail(Failure::refused, trouble_);
}

FileWatch::State FileWatch::state() const {
  const std::lock_guard lock{mutex_};
  return state_;
}

Result<void> FileWatch::check_readable() {
  const std::lock_guard lock{mutex_};
  if (state_ != State::changed) {
    if (const std::string changed = find_changed(false); !changed.empty()) keep_trouble(State::changed, changed);
  }
  return state_ == State::changed ? fail(Failure::unavailable, trouble_) : Result<void>{};
}

void FileWatch::look(bool closely) {
  if (state_ == State::changed) return;
  if (const std::string changed = find_changed(closely); !changed.empty()) return keep_trouble(State::changed, changed);
  if (const std::string moved = find_moved(); !moved.empty()) return keep_trouble(State::moved, moved);
  state_ = State::in_place;
}

void FileWatch::keep_trouble(State state, const std::string& what) {
  state_ = state;
  if (state == State::moved) {
    trouble_ = fmt::format(
        "{}: {}: a restart would not find what is written now, so nothing new is taken. Put it back, and this server "
        "goes on by itself. Or keep all that was accepted, while it runs: cp /proc/{}/fd/{} FILE; then start on FILE",
        path_, what, getpid(), file_);
  } else {
    trouble_ = fmt::format(
        "{}: {}: nothing new is taken, and nothing is read from it; rates go on from memory. Stop this server, put a "
        "backup to the path, move {}-wal away and start",
        path_, what, path_);
  }
}

std::string FileWatch::find_moved() const {
  for (const Part& part : parts_) {
    struct stat now{};
    if (stat(part.path.c_str(), &now) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return fmt::format("{} is gone from {}", part.what, part.path);
      return fmt::format("{} cannot be looked at: {}: {}", part.what, part.path, why_last());
    }
    if (now.st_dev != part.device || now.st_ino != part.number) {
      return fmt::format("{} is another file at {} now", part.what, part.path);
    }
  }
  return {};
}

std::string FileWatch::find_changed(bool closely) {
  if (std::string changed = find_changed_wal(); !changed.empty()) return changed;
  struct stat now{};
  if (is_moving_ || is_torn_ || fstat(file_, &now) != 0) return {};
  if (!closely && Stamp{now.st_size, now.st_mtim, now.st_ctim} == stamp_) return {};
  std::string changed;
  for (int looks = 0; looks < looks_max; ++looks) {
    if (looks > 0) std::this_thread::sleep_for(pause_between_looks);
    // Another program's checkpoint is no change of what the file and its WAL say together.
    if (is_moved_by_other(index_)) return {};
    if (fstat(file_, &now) != 0) return {};
    changed = find_changed_file(now);
    if (changed.empty()) return {};
  }
  return changed;
}

std::string FileWatch::find_changed_file(const struct stat& now) {
  std::array<char, 100> head{};
  std::string page(static_cast<std::size_t>(page_bytes_), '\0');
  const auto cut = fmt::format("the data file was cut to {} bytes by another program", now.st_size);
  if (pread(file_, head.data(), head.size(), 0) != static_cast<ssize_t>(head.size())) return cut;
  // The count of pages: https://www.sqlite.org/fileformat.html, 1.3.8.
  std::int64_t pages = 0;
  for (std::size_t i = 28; i < 32; ++i) pages = pages << 8 | static_cast<std::uint8_t>(head[i]);
  // A file is shorter than its first page says after a checkpoint that a reader held up: a page that it added, and that
  // a later commit changed, is left in the WAL. Then the last checkpoint left the file that short.
  if (now.st_size < pages * page_bytes_ && now.st_size < stamp_.size) return cut;
  const auto at = (tie_page_ - 1) * page_bytes_;
  if (pread(file_, page.data(), page.size(), at) != static_cast<ssize_t>(page.size())) return cut;
  const auto tie = tie_in_page(page);
  // Another program's VACUUM has put it elsewhere.
  const auto held = tie ? std::optional{tie->commit} : commit_in_file(path_);
  if (!held || !is_expected(*held)) return "another program has written over the data file";
  held_ = *held;
  stamp_ = {now.st_size, now.st_mtim, now.st_ctim};
  return {};
}

// Older than what the last checkpoint left is not enough: the WAL need not hold what lies between any more.
bool FileWatch::is_expected(CommitName held) const {
  if (held == held_) return true;
  if (held.session != session_ || held.number > last_) return false;
  return held_.session != session_ || held.number > held_.number;
}

// The index is this process's own memory: what it says of the WAL holds, unless a commit comes between the two looks.
std::string FileWatch::find_changed_wal() const {
  for (int looks = 0; looks < looks_max; ++looks) {
    if (looks > 0) std::this_thread::sleep_for(pause_between_looks);
    const auto before = read_wal_index(index_);
    if (!before || before->frames == 0 || has_wal(*before)) return {};
    const auto after = read_wal_index(index_);
    if (!after || after->frames != before->frames || after->salt != before->salt) return {};
  }
  return "another program has written over the write-ahead log";
}

bool FileWatch::has_wal(const WalIndex& index) const {
  constexpr std::size_t salt_at = 16;
  constexpr std::int64_t frame_header_bytes = 24;
  struct stat now{};
  std::array<char, 32> header{};
  if (fstat(wal_, &now) != 0) return true;
  return pread(wal_, header.data(), header.size(), 0) == static_cast<ssize_t>(header.size()) &&
         now.st_size >= static_cast<std::int64_t>(header.size()) + index.frames * (frame_header_bytes + page_bytes_) &&
         std::equal(index.salt.begin(), index.salt.end(), header.begin() + salt_at);
}

bool FileWatch::begin_move() {
  const std::lock_guard lock{mutex_};
  look(true);
  if (state_ == State::changed) return false;
  is_moving_ = true;
  return true;
}

void FileWatch::end_move(Connection& db, bool is_whole) {
  const std::lock_guard lock{mutex_};
  is_moving_ = false;
  is_torn_ = !is_whole;
  if (is_torn_) return;
  if (const std::int64_t page = tie_page_number(db); page != 0) tie_page_ = page;
  db.take_fault();
  if (const std::string changed = find_changed(true); !changed.empty()) keep_trouble(State::changed, changed);
}

}  // namespace ratebook::sqlite
