#include "sqlite/file_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace ratebook::sqlite {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view magic{"SQLite format 3\0", 16};  // https://www.sqlite.org/fileformat.html, 1.3

std::unexpected<Fault> cannot_read(const std::string& path, int error) {
  return fail(Failure::refused, fmt::format("{}: cannot be read: {}", path, std::generic_category().message(error)));
}

std::unexpected<Fault> cannot_write(const std::string& path, int error) {
  return fail(Failure::refused, fmt::format("{}: cannot be written: {}", path, std::generic_category().message(error)));
}

Result<void> check_folder(const std::string& path) {
  const fs::path folder = fs::absolute(path).parent_path();
  std::error_code error;
  if (fs::is_directory(folder, error)) return {};
  return fail(Failure::not_found, fmt::format("{}: there is no folder {}; make it first", path, folder.string()));
}

std::string lock_name(const std::string& path) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(path, error);
  return (error ? path : real.string()) + "-lock";
}

Result<void> check_start(int file, const std::string& path) {
  std::array<char, magic.size()> head{};
  const ssize_t length = pread(file, head.data(), head.size(), 0);
  if (length < 0) return cannot_read(path, errno);
  const std::string_view found{head.data(), static_cast<std::size_t>(length)};
  if (length == 0 || found == magic) return {};
  // A machine that died while it made the file: its first page is torn, and SQLite takes it back from the journal.
  std::error_code error;
  if (found.find_first_not_of('\0') == std::string_view::npos && fs::exists(path + "-journal", error)) return {};
  return fail(Failure::damaged, fmt::format("{}: is not a database of this program; name another file", path));
}

Result<void> sync(const std::string& path, const std::string& what, int flags) {
  const int file = open(what.c_str(), flags | O_CLOEXEC);
  if (file < 0) return cannot_write(path, errno);
  const int synced = fsync(file);
  const int error = errno;
  close(file);
  if (synced != 0) return cannot_write(path, error);
  return {};
}

}  // namespace

Result<FileLock> FileLock::take(const std::string& path) {
  if (auto there = check_folder(path); !there) return std::unexpected(there.error());
  const std::string name = lock_name(path);
  const int file = open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return cannot_write(name, errno);
  FileLock lock{file};
  // Who looks whether it is taken (is_locked) has it for a moment.
  for (int tries = 0; tries < 5; ++tries) {
    if (flock(file, LOCK_EX | LOCK_NB) == 0) return lock;
    if (errno != EWOULDBLOCK) break;
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  if (errno != EWOULDBLOCK) return cannot_write(name, errno);
  return fail(Failure::conflict, fmt::format("{}: another process has it open; stop that one, or name another", path));
}

FileLock::FileLock(FileLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

FileLock::~FileLock() {
  if (file_ >= 0) close(file_);
}

Result<void> prepare_file(const std::string& path) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return cannot_write(path, errno);
  auto checked = check_start(file, path);
  // Closing it lets go of every POSIX lock that this process has on the file: SQLite must not have opened it yet.
  close(file);
  if (!checked) return checked;
  return sync_folder(path);
}

bool is_locked(const std::string& path) {
  const int file = open(lock_name(path).c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool taken = flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  close(file);
  return taken;
}

Result<void> check_magic(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return cannot_read(path, errno);
  auto checked = check_start(file, path);
  close(file);
  return checked;
}

Result<void> sync_file(const std::string& path) { return sync(path, path, O_RDONLY); }

Result<void> sync_folder(const std::string& path) {
  return sync(path, fs::absolute(path).parent_path().string(), O_RDONLY | O_DIRECTORY);
}

}  // namespace ratebook::sqlite
