// The simulated log: one broker with partitions and a group, shared by all nodes, and each node's way to it.
//
//   SimLog (node 1) ──delays, lost answers, late deliveries──▶ Broker: partitions in order, who owns which
//   SimLog (node 2) ──┘
#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "log/log.hpp"
#include "log/standing.hpp"
#include "sim/scheduler.hpp"
#include "sim/settings.hpp"

namespace ratebook::sim {

/// Told of each record when it takes its place; and of those that a planted bug takes away again.
struct BrokerObserver {
  std::function<void(std::uint32_t partition, Offset offset, const std::string& bytes)> appended;
  /// The same of a record in another log, which stands where the nodes' log was; `could_know`: the node that sent it.
  std::function<void(const std::string& bytes, bool could_know)> appended_elsewhere;
};

/// What its log has told one node of one partition: written from what the log answered, not from the node's code.
struct Told {
  Offset reach = 0;                ///< behind the newest record of the right log that it was shown
  bool is_other = false;           ///< the last look found another record than the right log has
  std::uint64_t others_found = 0;  ///< looks that did
};

class Broker {
 public:
  Broker(Scheduler& scheduler, Settings& settings, BrokerObserver observer);

  std::uint32_t partition_count() const { return static_cast<std::uint32_t>(partitions_.size()); }

  // What happens in the broker, at once.
  Offset append(std::uint32_t partition, std::string bytes, const Told& told = {});
  std::vector<log::StoredRecord> read(std::uint32_t partition, Offset from, std::size_t bytes_max) const;
  Offset trimmed_before(std::uint32_t partition) const { return partitions_[partition].trimmed_before; }
  void trim(std::uint32_t partition, Offset before);
  /// From now on nothing from `from` on is trimmed: a backup of the store goes on from there.
  void keep(std::uint32_t partition, Offset from) { partitions_[partition].kept_from = from; }
  Offset end(std::uint32_t partition) const { return partitions_[partition].end; }
  /// The newest record's offset; -1: none.
  Offset last(std::uint32_t partition) const;
  const Signal& appended(std::uint32_t partition) const { return partitions_[partition].appended; }
  /// Planted: the newest `count` records are gone.
  void lose_newest(std::uint32_t partition, std::size_t count);

  // An operator's mistake: another log stands where the nodes' log was, for a while.
  void put_aside(std::uint32_t partition, std::vector<log::StoredRecord> other);
  void bring_back();
  bool is_aside(std::uint32_t partition) const { return aside_.contains(partition); }
  /// The right log's record at `offset` or behind it; empty: none.
  std::string right_record(std::uint32_t partition, Offset offset) const;
  const std::map<Offset, std::string>& right_records(std::uint32_t partition) const;
  /// Which log stands there: another number after each change.
  std::uint64_t log_number(std::uint32_t partition) const { return partitions_[partition].number; }

  // The group. A node's view of what it owns lags behind what was decided.
  void join(const std::string& node);
  void leave(const std::string& node);
  void rebalance();
  log::Assignment assignment(const std::string& node) const;

  Time down_until{};  ///< answers nobody

 private:
  struct Partition {
    std::map<Offset, std::string> records;
    Offset trimmed_before = 0;
    Offset kept_from = std::numeric_limits<Offset>::max();
    Offset end = 0;
    Signal appended;
    std::uint64_t number = 0;
  };
  void change(std::uint32_t partition, Partition to);
  Scheduler& scheduler_;
  Settings& settings_;
  BrokerObserver observer_;
  std::vector<Partition> partitions_;
  std::map<std::uint32_t, Partition> aside_;  ///< the nodes' log, where another one stands in its place
  std::uint64_t log_count_ = 0;
  std::map<std::string, log::Assignment> views_;  ///< by member
  std::map<std::string, std::uint64_t> decided_;  ///< which decision a view stands for
  std::uint64_t decision_ = 0;
};

/// One node's log. Any call may be slow, fail, or fail only to say that it did not.
class SimLog final : public log::Log {
 public:
  SimLog(Scheduler& scheduler, Settings& settings, Broker& broker, std::string node, const Runtime& runtime);

  std::uint32_t partition_count() const override { return broker_.partition_count(); }
  bool is_part_of_store() const override { return settings_.embedded; }
  log::Standing* standing() override;
  Result<Offset> append(std::uint32_t partition, const log::RecordSource& records) override;
  /// Who asks for one byte looks a record up; all others read in sequence, and notice that another log has come.
  Result<std::vector<log::StoredRecord>> read(std::uint32_t partition, Offset from, std::size_t bytes_max,
                                              Duration wait) override {
    return read(partition, from, bytes_max, wait, true);
  }
  /// `tells`: what the node reads tells it whether this is the right log. Of what stands at a place that a client
  /// names, nothing is known to compare it with.
  Result<std::vector<log::StoredRecord>> read(std::uint32_t partition, Offset from, std::size_t bytes_max,
                                              Duration wait, bool tells);
  Result<Offset> end(std::uint32_t partition) override;
  log::Assignment assignment() override { return broker_.assignment(node_); }
  const Told& told(std::uint32_t partition) const { return told_[partition]; }
  void leave(const std::string& why, log::Leave how) override;
  void rejoin() override;
  Result<void> trim(std::uint32_t partition, Offset before) override;

  Time cut_off_until{};  ///< this node does not reach the broker

 private:
  Result<Offset> append_whole(std::uint32_t partition, const log::RecordSource& records);
  Result<Offset> append_one(std::uint32_t partition, std::string bytes, bool& in_doubt);
  void deliver_late(std::uint32_t partition, std::string bytes);
  Result<std::vector<log::StoredRecord>> read_now(std::uint32_t partition, Offset from, std::size_t bytes_max);
  void note_told(std::uint32_t partition, std::uint64_t number, bool is_look_up,
                 const std::vector<log::StoredRecord>& records);
  bool unreachable() const;

  Scheduler& scheduler_;
  Settings& settings_;
  Broker& broker_;
  std::string node_;
  log::Standing standing_;
  std::vector<Told> told_;               ///< by partition
  std::vector<std::uint64_t> read_log_;  ///< by partition: the log that was read in sequence
  bool is_away_ = false;                 ///< for now
  Time late_until_{};  ///< when the last late delivery of this producer arrives: they keep their order
};

/// A planted bug around a writer's log: an abandon record is not written, and the writer is told that it stands.
class ForgetfulLog final : public log::Log {
 public:
  explicit ForgetfulLog(log::Log& log) : log_(log) {}

  std::uint32_t partition_count() const override { return log_.partition_count(); }
  bool is_part_of_store() const override { return log_.is_part_of_store(); }
  log::Standing* standing() override { return log_.standing(); }
  Result<Offset> append(std::uint32_t partition, const log::RecordSource& records) override;
  Result<std::vector<log::StoredRecord>> read(std::uint32_t partition, Offset from, std::size_t bytes_max,
                                              Duration wait) override;
  Result<Offset> end(std::uint32_t partition) override { return log_.end(partition); }
  log::Assignment assignment() override { return log_.assignment(); }
  Result<void> trim(std::uint32_t partition, Offset before) override { return log_.trim(partition, before); }

 private:
  log::Log& log_;
  std::map<std::uint32_t, std::vector<std::string>> left_out_;  ///< by partition
  std::map<std::uint32_t, Offset> read_before_;
};

/// A planted bug around a writer's log: a look at one record finds what the right log has there.
class TrustedLog final : public log::Log {
 public:
  TrustedLog(log::Log& log, const Broker& broker) : log_(log), broker_(broker) {}

  std::uint32_t partition_count() const override { return log_.partition_count(); }
  bool is_part_of_store() const override { return log_.is_part_of_store(); }
  log::Standing* standing() override { return log_.standing(); }
  Result<Offset> append(std::uint32_t partition, const log::RecordSource& records) override {
    return log_.append(partition, records);
  }
  Result<std::vector<log::StoredRecord>> read(std::uint32_t partition, Offset from, std::size_t bytes_max,
                                              Duration wait) override;
  Result<Offset> end(std::uint32_t partition) override { return log_.end(partition); }
  log::Assignment assignment() override { return log_.assignment(); }
  Result<void> trim(std::uint32_t partition, Offset before) override { return log_.trim(partition, before); }

 private:
  log::Log& log_;
  const Broker& broker_;
};

}  // namespace ratebook::sim
