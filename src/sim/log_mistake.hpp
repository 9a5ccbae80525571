// An operator's mistake, for a while: where the nodes' log was stands an empty one, as of a topic that was deleted and
// made again, another system's, or an older copy of itself.
#pragma once
#include "sim/broker.hpp"
#include "sim/database.hpp"

namespace ratebook::sim {

class LogMistake {
 public:
  LogMistake(Scheduler& scheduler, Broker& broker) : scheduler_(scheduler), broker_(broker) {}

  /// In partitions that the store has a position of: before that, nobody could know one log from another.
  void begin(const Database& store, Duration time);
  /// Where there is one.
  void end();
  bool is_on() const { return is_on_; }

 private:
  std::vector<log::StoredRecord> older_copy(std::uint32_t partition, Offset position) const;
  std::vector<log::StoredRecord> foreign_log(std::uint32_t partition);

  Scheduler& scheduler_;
  Broker& broker_;
  bool is_on_ = false;
  std::uint64_t count_ = 0;
};

}  // namespace ratebook::sim
