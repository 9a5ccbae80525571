// Whether a file keeps what it says: a running server's, a stopped one's, a backup. Reads only.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "model/batch.hpp"
#include "model/error.hpp"

namespace ratebook::sqlite {

struct CheckOptions {
  std::size_t findings_max = 100;
  /// Told what is looked at, and how much of it is done.
  std::function<void(std::string_view what, std::uint64_t done, std::uint64_t total)> progress =
      [](std::string_view, std::uint64_t, std::uint64_t) {};
};

struct CheckReport {
  Version version = 0;  ///< the newest
  Digest chain{};
  std::uint64_t batches = 0;
  std::uint64_t prices = 0;           ///< committed, retracted and staged ones
  std::uint64_t records_waiting = 0;  ///< accepted and not yet decided: the next start decides them
  std::vector<std::string> findings;  ///< where and what; empty: all is well
  std::uint64_t findings_left_out = 0;
};

/// One snapshot of the file, from its pages to its promises: SQLite's own check, foreign keys, gapless versions and
/// their chain, each batch's id, version and count, each chunk's rows, the log's records. A WAL that is not the file's
/// own is a finding, and the file is checked without it. Beside a running server it disturbs nobody.
/// Failure::not_found, damaged, conflict: it is no file of ours to check.
Result<CheckReport> check_file(const std::string& path, const CheckOptions& options = {});

}  // namespace ratebook::sqlite
