#include "sqlite/read_only.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "sqlite/file_lock.hpp"
#include "sqlite/migrations.hpp"

namespace ratebook::sqlite {

Result<std::unique_ptr<Connection>> open_to_read(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    return fail(Failure::not_found, fmt::format("{}: there is no such file", path));
  if (auto ours = check_magic(path); !ours) return std::unexpected(ours.error());
  // Where nobody writes and the WAL is empty, SQLite need not make files beside it, in what may be a folder of backups
  // that nobody may write.
  const auto wal_bytes = std::filesystem::file_size(path + "-wal", error);
  const bool is_still = (error || wal_bytes == 0) && !is_locked(path);
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

}  // namespace ratebook::sqlite
