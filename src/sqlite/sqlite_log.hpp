// The log in the file. Small appends share a transaction with each other and with the publish that follows; a large one
// has its own. An offset is given once in the life of the process, also where what it named was rolled back.
#pragma once
#include <memory>
#include <vector>

#include "log/log.hpp"
#include "runtime/runtime.hpp"
#include "sqlite/transaction.hpp"

namespace ratebook::sqlite {

struct LogOptions {
  std::size_t small_append_bytes_max = 4u << 20;  ///< more has a transaction of its own
  std::size_t record_bytes_max = 16u << 20;
};

class SqliteLog final : public log::Log {
 public:
  static Result<std::unique_ptr<SqliteLog>> open(WriteSide& side, const Runtime& runtime, Meters& meters,
                                                 LogOptions options);

  std::uint32_t partition_count() const override { return static_cast<std::uint32_t>(next_offsets_.size()); }
  bool is_part_of_store() const override { return true; }
  /// One transaction: all of the records are in, or none.
  Result<Offset> append(std::uint32_t partition, const log::RecordSource& records) override;
  /// Reads what is appended before it is durable, so that a publish can share the commit.
  Result<std::vector<log::StoredRecord>> read(std::uint32_t partition, Offset from, std::size_t bytes_max,
                                              Duration wait) override;
  log::Assignment assignment() override;
  /// Nothing is left to do: each publish deletes what stands before its position.
  Result<void> trim(std::uint32_t partition, Offset before) override;
  std::optional<std::string> refusal() const override;

 private:
  SqliteLog(WriteSide& side, const Runtime& runtime, Meters& meters, LogOptions options)
      : side_(side), runtime_(runtime), meters_(meters), options_(options), appended_(runtime.make_signal()) {}
  Result<std::optional<std::string>> next_record(const log::RecordSource& records) const;
  Result<Offset> append_small(std::uint32_t partition, const std::vector<std::string>& records);
  Result<Offset> append_large(std::uint32_t partition, const std::vector<std::string>& head,
                              const log::RecordSource& tail);
  void note_appended(std::uint64_t records, std::uint64_t bytes);
  Offset insert(WriteSide::Turn& turn, std::uint32_t partition, const std::string& record);
  Result<std::vector<log::StoredRecord>> read_now(std::uint32_t partition, Offset from, std::size_t bytes_max);

  WriteSide& side_;
  const Runtime& runtime_;
  Meters& meters_;
  LogOptions options_;
  Signal appended_;
  std::vector<Offset> next_offsets_;  ///< by partition; guarded by a turn
};

}  // namespace ratebook::sqlite
