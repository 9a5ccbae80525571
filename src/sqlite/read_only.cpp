#include "sqlite/read_only.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "sqlite/file_lock.hpp"
#include "sqlite/migrations.hpp"
#include "sqlite/wal_tie.hpp"

namespace ratebook::sqlite {
namespace {

Result<void> check_there(const std::string& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) return check_magic(path);
  return fail(Failure::not_found, fmt::format("{}: there is no such file", path));
}

Result<std::unique_ptr<Connection>> open_ours(const std::string& path, bool is_still) {
  auto opened = Connection::open_to_read(path, is_still);
  if (!opened) return opened;
  if (auto ours = check_ours(**opened, path); !ours) return std::unexpected(ours.error());
  {
    Query schema{**opened, "PRAGMA user_version"};
    if (schema.next() && schema.integer(0) == 0) {
      return fail(Failure::damaged, fmt::format("{}: is empty: no server has made it yet", path));
    }
  }
  if (auto asked = (*opened)->result(); !asked) return std::unexpected(asked.error());
  return opened;
}

}  // namespace

Result<std::unique_ptr<Connection>> open_to_read(const std::string& path) {
  if (auto there = check_there(path); !there) return std::unexpected(there.error());
  if (auto own = check_wal_is_own(path); !own) return std::unexpected(own.error());
  // Where nobody writes and the WAL is empty, SQLite need not make files beside it, in what may be a folder of backups
  // that nobody may write.
  std::error_code error;
  const auto wal_bytes = std::filesystem::file_size(path + "-wal", error);
  return open_ours(path, (error || wal_bytes == 0) && !is_locked(path));
}

Result<std::unique_ptr<Connection>> open_to_read_alone(const std::string& path) {
  if (auto there = check_there(path); !there) return std::unexpected(there.error());
  return open_ours(path, true);
}

}  // namespace ratebook::sqlite
