// Reads one partition through one consumer: in sequence as it is fetched ahead, or from any place after a seek.
//
//   leader ──fetch──▶ librdkafka's queue (bounded) ──▶ held (a record that was one too many) ──▶ next
//
// Offsets may have holes; where records begin and end is asked of the broker whenever a place is taken.
#pragma once
#include <atomic>
#include <optional>

#include "kafka/client.hpp"
#include "log/log.hpp"
#include "log/standing.hpp"
#include "runtime/first_come.hpp"

namespace ratebook::kafka {

/// For a consumer whose partitions are read in sequence, and for one that looks records up.
Settings sequence_settings(const KafkaOptions& options);
Settings lookup_settings();

class Reader {
 public:
  Reader(const Client& client, std::uint32_t partition, const KafkaOptions& options, const Runtime& runtime,
         Counters& counters)
      : client_(client), partition_(partition), options_(options), runtime_(runtime), counters_(counters) {}

  /// As log::Log's. Records before `known` are known to stand in the log: only beyond it may an end that was fetched a
  /// moment ago be believed. Where its number is another one than before, what was fetched ahead may be another log's.
  Result<std::vector<log::StoredRecord>> read(Offset from, std::size_t bytes_max, Duration wait,
                                              const log::Standing::Reach& known);
  /// The first record from `from` on, as of now; none: empty.
  Result<std::vector<log::StoredRecord>> look_up(Offset from);
  /// Where the next record will stand, as of now.
  Result<Offset> end() const { return end_at(RD_KAFKA_OFFSET_END, runtime_.boot_time() + options_.read_time_max); }

  /// Records between what was read and the end, as of the last fetch.
  std::int64_t behind() const { return behind_.load(); }

 private:
  using Records = std::vector<log::StoredRecord>;
  class Turn;
  struct Ends {
    Offset first = 0;
    Offset end = 0;
  };
  Result<Turn> take_turn(BootTime until);
  bool stands_at(Offset from) const;
  Result<Ends> ends(BootTime until) const;
  Result<Offset> end_at(Offset which, BootTime until) const;
  Result<Ends> stand_at(Offset from, BootTime until);
  Result<void> ask_at_end(Offset from, BootTime until);
  Result<std::optional<log::StoredRecord>> next(Offset from, Duration wait);
  Result<std::optional<log::StoredRecord>> next_within(Offset from, BootTime until);
  Result<Records> first_record(Offset from, Duration wait, Offset surely_in);
  Fault ends_before(Offset from, Offset end);
  void let_go();
  Fault unavailable(std::string_view why) const;

  const Client& client_;
  std::uint32_t partition_;
  const KafkaOptions& options_;
  const Runtime& runtime_;
  Counters& counters_;
  FirstCome turns_{1};                     ///< a turn alone touches what follows
  bool is_started_ = false;                ///< librdkafka fetches the partition
  std::uint64_t log_number_ = 0;           ///< of the log that is read, as log::Standing counts them
  bool is_lost_ = true;                    ///< where it stands is not known
  bool is_at_end_ = false;                 ///< the last fetch found nothing at next_
  BootTime heard_at_{0};                   ///< when the leader last sent anything
  std::optional<BootTime> short_since_;    ///< the log ends before what was asked for
  Offset next_ = 0;                        ///< what comes next is here or later
  std::optional<log::StoredRecord> held_;  ///< comes next
  std::atomic<std::int64_t> behind_ = 0;
};

}  // namespace ratebook::kafka
