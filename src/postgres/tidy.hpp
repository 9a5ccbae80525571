// Deletes rows that nobody needs any more, a bounded piece at a time.
//
// An abandoned attempt must stay void for as long as the log may still deliver its chunks, behind the record that
// abandons it: a writer that began behind that record would take them for a batch. Its node gives up a record after
// kafka.produce_time, by a clock that stands still while the machine is suspended. So what is still on its way after
// days was sent by a machine that slept for days, and no clock can rule that out. It does no harm then. The node has
// vouched for an attempt of this batch only if another one is in the log, of which this is a repeat, by its id; or for
// none: its client was told that the outcome is unknown.
//
// The age is that of the primary's clock alone: publish() writes it, and here it is compared. After a failover that is
// another machine's, whose difference counts against a week. A store that is restored from a backup reads the log again
// from a position at most kafka.log_keep behind: so much is added to postgres.void_keep.
#pragma once
#include <string>

#include "postgres/connection.hpp"

namespace ratebook::postgres {

/// Of one partition so many of the newest bad records are kept, and so many bytes of them.
inline constexpr std::int64_t bad_records_kept_max = 1000;
inline constexpr std::int64_t bad_bytes_kept_max = 16LL << 20U;

/// For one thread.
class Tidy {
 public:
  Tidy(const PostgresOptions& options, const Runtime& runtime) : options_(options), runtime_(runtime) {}

  /// Deletes the next piece, where one is due.
  Result<void> piece(Connection& connection);

 private:
  /// A look at the next void attempts, in the order of their names; true: those were the last.
  Result<bool> delete_void(Connection& connection);
  /// True: nothing is left to drop.
  Result<bool> drop_bad_records(Connection& connection) const;

  const PostgresOptions& options_;
  const Runtime& runtime_;
  BootTime due_{0};
  std::string looked_at_;  ///< the last of the void attempts
};

}  // namespace ratebook::postgres
