// The log as a node's service has it, with a memory of what was put into it and what it said: what the checks compare
// the service's answers with.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "log/record.hpp"
#include "sim/broker.hpp"

namespace ratebook::sim {

class WatchedLog final : public log::Log {
 public:
  WatchedLog(SimLog& log, const Broker& broker) : log_(log), broker_(broker) {}

  /// An attempt whose last record was acknowledged.
  struct Put {
    std::string attempt;
    std::uint64_t others_found = 0;  ///< before its first record was sent (Told)
  };
  /// The batch's whose last record was acknowledged to stand there; nullptr: none was.
  const Put* put_at(std::uint32_t partition, Offset offset, const std::string& batch_id) const;
  /// Whether this node could know by now that `put` stands in another log.
  bool found_other(std::uint32_t partition, const Put& put) const;
  /// The attempts of a batch that were acknowledged.
  const std::set<std::string>& attempts(const std::string& batch_id) { return attempts_[batch_id]; }
  /// The newest of them; empty: none.
  const std::string& newest_attempt(const std::string& batch_id) { return newest_[batch_id]; }
  /// The batch as it was sent once, whatever came of it.
  std::optional<BatchHeader> tried(const std::string& batch_id) const;
  /// Whether a retraction of the batch was acknowledged, and stands in the right log.
  bool retracts(const std::string& batch_id) const { return retracted_.contains(batch_id); }

  std::uint32_t partition_count() const override { return log_.partition_count(); }
  bool is_part_of_store() const override { return log_.is_part_of_store(); }
  log::Standing* standing() override { return log_.standing(); }
  Result<Offset> append(std::uint32_t partition, const log::RecordSource& records) override;
  Result<std::vector<log::StoredRecord>> read(std::uint32_t partition, Offset from, std::size_t bytes_max,
                                              Duration wait) override {
    return log_.read(partition, from, bytes_max, wait, false);
  }
  Result<Offset> end(std::uint32_t partition) override { return log_.end(partition); }
  log::Assignment assignment() override { return log_.assignment(); }
  Result<void> trim(std::uint32_t partition, Offset before) override { return log_.trim(partition, before); }

 private:
  SimLog& log_;
  const Broker& broker_;
  std::map<std::tuple<std::uint32_t, Offset, std::string>, Put> puts_;  ///< by the place of the last record, and batch
  std::map<std::string, std::set<std::string>> attempts_;               ///< by batch
  std::map<std::string, std::string> newest_;                           ///< by batch
  std::map<std::string, BatchHeader> tried_;                            ///< by batch
  std::set<std::string> retracted_;
};

}  // namespace ratebook::sim
