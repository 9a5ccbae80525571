#include "postgres/tidy.hpp"

#include <array>

namespace ratebook::postgres {
namespace {

constexpr std::int64_t rows_per_piece = 1000;

/// In a transaction that reads by indexes alone, in their order: a piece takes as long however many rows there are,
/// whatever the planner knows of the tables.
Result<Rows> run_by_index(Connection& connection, const Statement& statement) {
  const std::array statements{
      Statement{"SET LOCAL enable_seqscan = off"},   Statement{"SET LOCAL enable_bitmapscan = off"},
      Statement{"SET LOCAL enable_sort = off"},      Statement{"SET LOCAL enable_hashjoin = off"},
      Statement{"SET LOCAL enable_mergejoin = off"}, statement};
  auto rows = connection.begin(statements);
  if (!rows) return std::unexpected(rows.error());
  if (auto committed = connection.commit(); !committed) return std::unexpected(committed.error());
  return std::move(rows->back());
}

}  // namespace

Result<void> Tidy::piece(Connection& connection) {
  if (runtime_.boot_time() < due_) return {};
  const auto all_dropped = drop_bad_records(connection);
  if (!all_dropped) return std::unexpected(all_dropped.error());
  const auto looked_at_all = delete_void(connection);
  if (!looked_at_all) return std::unexpected(looked_at_all.error());
  if (*all_dropped && *looked_at_all) due_ = runtime_.boot_time() + options_.tidy_interval;
  return {};
}

Result<bool> Tidy::delete_void(Connection& connection) {
  const auto rows = run_by_index(
      connection, Statement{"WITH page AS MATERIALIZED (SELECT attempt, swept_at FROM void_attempt WHERE attempt > $1 "
                            "ORDER BY attempt LIMIT $2), "
                            "gone AS (DELETE FROM void_attempt WHERE attempt IN (SELECT attempt FROM page "
                            "WHERE swept_at < (extract(epoch FROM clock_timestamp()) * 1000)::bigint - $3)) "
                            "SELECT attempt FROM page ORDER BY attempt DESC LIMIT 1",
                            looked_at_, rows_per_piece,
                            std::chrono::duration_cast<std::chrono::milliseconds>(options_.void_keep).count()});
  if (!rows) return std::unexpected(rows.error());
  looked_at_ = rows->size() > 0 ? rows->text(0, 0) : "";
  return looked_at_.empty();
}

/// Those with the highest offsets are the newest. A topic that was made anew begins at 0 again: then a partition with
/// too many keeps old ones instead.
Result<bool> Tidy::drop_bad_records(Connection& connection) const {
  const auto rows = run_by_index(
      connection,
      Statement{"WITH excess AS MATERIALIZED (SELECT b.partition, b.\"offset\" FROM log_partition AS p, LATERAL ("
                "SELECT max(\"offset\") AS last FROM (SELECT \"offset\", row_number() OVER newest AS records, "
                "sum(octet_length(bytes)) OVER newest AS bytes FROM (SELECT \"offset\", bytes FROM bad_record "
                "WHERE partition = p.partition ORDER BY \"offset\" DESC LIMIT $1 + 1) AS looked_at "
                "WINDOW newest AS (ORDER BY \"offset\" DESC)) AS counted WHERE records > $1 OR bytes > $2) AS cut, "
                "LATERAL (SELECT partition, \"offset\" FROM bad_record WHERE partition = p.partition "
                "AND \"offset\" <= cut.last ORDER BY \"offset\" LIMIT $3) AS b), "
                "gone AS (DELETE FROM bad_record AS b USING excess WHERE b.partition = excess.partition "
                "AND b.\"offset\" = excess.\"offset\" RETURNING b.partition, octet_length(b.bytes) AS bytes) "
                "INSERT INTO bad_record_dropped SELECT partition, count(*), sum(bytes) FROM gone GROUP BY partition "
                "ON CONFLICT (partition) DO UPDATE SET records = bad_record_dropped.records + excluded.records, "
                "bytes = bad_record_dropped.bytes + excluded.bytes RETURNING partition",
                bad_records_kept_max, bad_bytes_kept_max, rows_per_piece});
  if (!rows) return std::unexpected(rows.error());
  return rows->size() == 0;
}

}  // namespace ratebook::postgres
