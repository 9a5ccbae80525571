// A copy of the file at one version, made while a server runs on it or while none does.
//
//   one read snapshot ─ pages, some at a time ─▶ TO.partial ─ synced, looked at ─▶ renamed to TO
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "model/batch.hpp"
#include "model/error.hpp"

namespace ratebook::sqlite {

struct BackupOptions {
  bool replace = false;  ///< what stands at the destination
  int pages_per_step = 512;
  /// The snapshot keeps the server's WAL from starting anew; past so much growth the backup gives up instead.
  std::uint64_t wal_growth_bytes_max = 8ULL << 30;
  std::function<void(std::uint64_t bytes, std::uint64_t bytes_total)> progress = [](std::uint64_t, std::uint64_t) {};
};

struct BackupReport {
  Version version = 0;  ///< that the copy holds
  Digest chain{};
  std::uint64_t bytes = 0;
};

/// Takes no lock that a writer waits for. The copy is a data file: all that was committed, and all that was accepted.
/// Until it is whole and on the disk nothing stands at `to`, or what stood there before. Failure::conflict: something
/// stands there (or a server has it open, whatever `replace` says). full: the WAL has grown too much.
Result<BackupReport> backup_file(const std::string& from, const std::string& to, const BackupOptions& options = {});

}  // namespace ratebook::sqlite
