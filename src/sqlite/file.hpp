// The embedded engine: one SQLite file that is both log and store, opened by one process at a time.
//
//   appenders ─┐                     ┌─ log_record ┐
//   writer ────┴─▶ WriteSide (one) ──┤  price …    ├── WAL ── Housekeeper ──▶ file
//   follower, api ─▶ Readers (some) ─┴─ version …  ┘
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "log/log.hpp"
#include "model/error.hpp"
#include "runtime/runtime.hpp"
#include "sqlite/checkpoint.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/sqlite_log.hpp"
#include "sqlite/transaction.hpp"
#include "store/store.hpp"

namespace ratebook::sqlite {

struct FileOptions {
  std::uint32_t partition_count = 1;  ///< of a new file; an older one keeps its own
  LogOptions log;
  TransactionOptions transaction;
  CheckpointOptions checkpoint;
  std::size_t write_cache_bytes = 24u << 20;  ///< of a transaction's pages; what is beyond stands in the WAL early
  std::size_t quick_reader_count = 2;
  std::size_t step_reader_count = 1;
  std::size_t scan_reader_count = 4;
  std::int64_t page_count_max = 0;  ///< the file is full beyond so many pages of page_bytes; 0: the disk's size counts
  Fatal fatal;                      ///< told why before the process aborts; without it stderr is
  Report report = [](obs::Level, const std::string&) {};  ///< told what happens to the file; from any thread
};

class File {
 public:
  /// Opens the file, or makes it where there is none (its folder must exist). All that was in the WAL is in the file,
  /// synced, before this returns. Failure::not_found: no such folder. refused: cannot be written. conflict: another
  /// process has it open, or a newer release wrote it. damaged: not a file of this program, or beside a WAL that is
  /// not its own.
  static Result<std::unique_ptr<File>> open(const std::string& path, const Runtime& runtime,
                                            const FileOptions& options = {});
  ~File();

  log::Log& log();
  store::Store& store();
  Counters counters() const;
  /// Whether what is written is what a start would find at the path.
  bool is_in_place() const;

 private:
  struct Parts;
  explicit File(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace ratebook::sqlite
