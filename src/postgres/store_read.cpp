// Versions and batches, as committed.
#include <fmt/format.h>

#include <algorithm>

#include "postgres/store.hpp"

namespace ratebook::postgres {
namespace {

constexpr std::string_view batch_question =
    "SELECT id, source, idempotency_key, digest, price_count, accepted_at, replaces, status, rejection, attempt, "
    "committed_at, version, retracted_version, sequence FROM batch ";
constexpr int sequence_column = 13;

Batch batch_in(const Rows& rows, int row) {
  return {.header = {.id = rows.text(row, 0),
                     .source = rows.text(row, 1),
                     .key = rows.text(row, 2),
                     .digest = rows.digest(row, 3),
                     .price_count = rows.integer_as<std::uint64_t>(row, 4),
                     .accepted_at = rows.integer(row, 5),
                     .replaces = rows.text(row, 6)},
          .status = rows.integer_as<BatchStatus>(row, 7),
          .rejection = rows.integer_as<Rejection>(row, 8),
          .attempt = rows.text(row, 9),
          .committed_at = rows.integer(row, 10),
          .version = rows.integer_as<Version>(row, 11),
          .retracted_version = rows.integer_as<Version>(row, 12)};
}

}  // namespace

Statement head_question() { return Statement{"SELECT version, chain FROM head"}; }

Result<store::Head> newest_in(const Rows& rows) {
  if (rows.size() != 1) return fail(Failure::damaged, "the store's row of its newest version is gone");
  return store::Head{.version = rows.integer_as<Version>(0, 0), .chain = rows.digest(0, 1)};
}

Statement versions_question(Version after, std::size_t limit) {
  return Statement{
      "SELECT v.version, v.kind, b.id, b.attempt, r.id, r.attempt, v.committed_at, v.chain "
      "FROM version AS v LEFT JOIN batch AS b ON b.sequence = v.batch "
      "LEFT JOIN batch AS r ON r.sequence = v.replaced WHERE v.version > $1 ORDER BY v.version LIMIT $2",
      std::min<Version>(after, INT64_MAX), std::min<std::size_t>(limit, INT64_MAX)};
}

std::vector<VersionRow> versions_in(const Rows& rows) {
  std::vector<VersionRow> found;
  for (int row = 0; row < rows.size(); ++row) {
    found.push_back({.version = rows.integer_as<Version>(row, 0),
                     .kind = rows.integer_as<VersionKind>(row, 1),
                     .batch_id = rows.text(row, 2),
                     .attempt = rows.text(row, 3),
                     .replaced_id = rows.text(row, 4),
                     .replaced_attempt = rows.text(row, 5),
                     .committed_at = rows.integer(row, 6),
                     .chain = rows.digest(row, 7)});
  }
  return found;
}

Result<store::Head> PostgresStore::head() {
  const auto rows = ask(head_question());
  if (!rows) return std::unexpected(rows.error());
  return newest_in(*rows);
}

Result<std::vector<Position>> PostgresStore::positions(bool newest) {
  const Statement question{"SELECT position_offset, position_digest FROM log_partition ORDER BY partition"};
  const auto rows = newest ? ask(question) : ask_without_proof(question);
  if (!rows) return std::unexpected(rows.error());
  std::vector<Position> positions;
  for (int row = 0; row < rows->size(); ++row) {
    positions.push_back({.offset = rows->integer(row, 0), .digest = rows->digest(row, 1)});
  }
  return positions;
}

Result<std::vector<VersionRow>> PostgresStore::versions(Version after, std::size_t limit) {
  const auto rows = ask(versions_question(after, limit));
  if (!rows) return std::unexpected(rows.error());
  return versions_in(*rows);
}

Result<std::optional<Batch>> PostgresStore::find_batch(const Statement& question) {
  const auto rows = ask_briefly(question);
  if (!rows) return std::unexpected(rows.error());
  if (rows->size() == 0) return std::nullopt;
  return batch_in(*rows, 0);
}

Result<std::optional<Batch>> PostgresStore::batch(const std::string& id) {
  return find_batch(Statement{fmt::format("{}WHERE id = $1", batch_question), id});
}

Result<std::optional<Batch>> PostgresStore::batch_by_key(const std::string& source, const std::string& key) {
  return find_batch(Statement{
      fmt::format("{}WHERE source = $1 AND idempotency_key = $2 AND status <> 2", batch_question), source, key});
}

Result<store::BatchPage> PostgresStore::batches(const store::BatchFilter& filter) {
  const std::size_t limit = std::clamp<std::size_t>(filter.limit, 1, 1000);
  const int status = filter.status ? static_cast<int>(*filter.status) : -1;
  const auto rows =
      ask_briefly(Statement{fmt::format("{}WHERE sequence < $1 AND ($3::text IS NULL OR source = $3) "
                                        "AND ($4::smallint < 0 OR status = $4) ORDER BY sequence DESC LIMIT $2",
                                        batch_question),
                            std::min<std::uint64_t>(filter.before, INT64_MAX), limit + 1, filter.source, status});
  if (!rows) return std::unexpected(rows.error());
  store::BatchPage page;
  for (int row = 0; row < rows->size() && page.batches.size() < limit; ++row) {
    page.batches.push_back(batch_in(*rows, row));
  }
  if (static_cast<std::size_t>(rows->size()) > limit) {
    page.before = rows->integer_as<std::uint64_t>(static_cast<int>(limit) - 1, sequence_column);
  }
  return page;
}

}  // namespace ratebook::postgres
