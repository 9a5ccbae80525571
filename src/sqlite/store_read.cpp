// Versions and batches, as committed.
#include <fmt/format.h>

#include <algorithm>

#include "sqlite/sqlite_store.hpp"

namespace ratebook::sqlite {
namespace {

constexpr std::string_view batch_columns =
    "SELECT id, source, idempotency_key, digest, price_count, accepted_at, replaces, status, rejection, attempt, "
    "committed_at, version, retracted_version, sequence FROM batch ";
constexpr int sequence_column = 13;

Batch batch_of(const Query& row) {
  return {.header = {.id = std::string{row.text(0)},
                     .source = std::string{row.text(1)},
                     .key = std::string{row.text(2)},
                     .digest = row.digest(3),
                     .price_count = row.integer_as<std::uint64_t>(4),
                     .accepted_at = row.integer(5),
                     .replaces = std::string{row.text(6)}},
          .status = row.integer_as<BatchStatus>(7),
          .rejection = row.integer_as<Rejection>(8),
          .attempt = std::string{row.text(9)},
          .committed_at = row.integer(10),
          .version = row.integer_as<Version>(11),
          .retracted_version = row.integer_as<Version>(12)};
}

template <class... Values>
Result<std::optional<Batch>> find_batch(Readers& readers, std::string_view condition, const Values&... values) {
  auto lease = readers.lease();
  if (!lease) return std::unexpected(lease.error());
  std::optional<Batch> found;
  Query row{lease->db(), fmt::format("{}{}", batch_columns, condition), values...};
  if (row.next()) found = batch_of(row);
  return lease->db().result(std::move(found));
}

store::Head head_of(Query& newest) {
  if (!newest.next()) return {};
  return {.version = newest.integer_as<Version>(0), .chain = newest.digest(1)};
}

/// One file, one process: what was read from it counts.
class FileReading final : public store::Reading {
 public:
  explicit FileReading(SqliteStore& store) : store_(store) {}
  Result<store::Head> head() override { return store_.head(); }
  Result<std::vector<VersionRow>> versions(Version after, std::size_t limit) override {
    return store_.versions(after, limit);
  }
  Result<PlacesDocument> places(Version at) override { return store_.places(at); }
  Result<void> prices_of(const std::string& attempt, const store::PriceSink& sink) override {
    return store_.prices_of(attempt, sink);
  }
  Result<void> confirm() override { return {}; }

 private:
  SqliteStore& store_;
};

}  // namespace

std::unique_ptr<store::Reading> SqliteStore::reading() { return std::make_unique<FileReading>(*this); }

store::Head read_head(Connection& db) {
  Query newest{db, "SELECT version, chain FROM version ORDER BY version DESC LIMIT 1"};
  return head_of(newest);
}

store::Head read_places_head(Connection& db, Version at) {
  const auto limit = static_cast<std::int64_t>(std::min<Version>(at, INT64_MAX));
  Query newest{db, "SELECT version, chain FROM version WHERE kind = 3 AND version <= ? ORDER BY version DESC LIMIT 1",
               limit};
  return head_of(newest);
}

void add_version(Connection& db, store::Head& head, VersionKind kind, std::string_view content,
                 std::optional<std::int64_t> batch, std::optional<std::int64_t> replaced, WallTime now) {
  head.chain = chain_after(head.chain, head.version + 1, static_cast<std::uint8_t>(kind), content);
  ++head.version;
  db.run("INSERT INTO version VALUES (?, ?, ?, ?, ?, ?)", head.version, static_cast<int>(kind), batch, replaced, now,
         Blob{head.chain});
}

Result<store::Head> SqliteStore::head() {
  auto lease = quick_.lease();
  if (!lease) return std::unexpected(lease.error());
  const store::Head head = read_head(lease->db());
  return lease->db().result(head);
}

Result<std::vector<Position>> SqliteStore::positions(bool) {
  auto lease = quick_.lease();
  if (!lease) return std::unexpected(lease.error());
  std::vector<Position> positions;
  Query row{lease->db(), "SELECT position_offset, position_digest FROM log_partition ORDER BY partition"};
  while (row.next()) positions.push_back({.offset = row.integer(0), .digest = row.digest(1)});
  return lease->db().result(std::move(positions));
}

Result<std::vector<VersionRow>> SqliteStore::versions(Version after, std::size_t limit) {
  auto lease = quick_.lease();
  if (!lease) return std::unexpected(lease.error());
  std::vector<VersionRow> rows;
  Query row{lease->db(),
            "SELECT v.version, v.kind, b.id, b.attempt, r.id, r.attempt, v.committed_at, v.chain FROM version AS v "
            "LEFT JOIN batch AS b ON b.sequence = v.batch LEFT JOIN batch AS r ON r.sequence = v.replaced "
            "WHERE v.version > ? ORDER BY v.version LIMIT ?",
            static_cast<std::int64_t>(std::min<Version>(after, INT64_MAX)),
            static_cast<std::int64_t>(std::min<std::size_t>(limit, INT64_MAX))};
  while (row.next()) {
    rows.push_back({.version = row.integer_as<Version>(0),
                    .kind = row.integer_as<VersionKind>(1),
                    .batch_id = std::string{row.text(2)},
                    .attempt = std::string{row.text(3)},
                    .replaced_id = std::string{row.text(4)},
                    .replaced_attempt = std::string{row.text(5)},
                    .committed_at = row.integer(6),
                    .chain = row.digest(7)});
  }
  return lease->db().result(std::move(rows));
}

Result<std::optional<Batch>> SqliteStore::batch(const std::string& id) {
  return find_batch(quick_, "WHERE id = ?", id);
}

Result<std::optional<Batch>> SqliteStore::batch_by_key(const std::string& source, const std::string& key) {
  return find_batch(quick_, "WHERE source = ? AND idempotency_key = ? AND status <> 2", source, key);
}

Result<store::BatchPage> SqliteStore::batches(const store::BatchFilter& filter) {
  auto lease = quick_.lease();
  if (!lease) return std::unexpected(lease.error());
  const std::size_t limit = std::clamp<std::size_t>(filter.limit, 1, 1000);
  const std::string sql = fmt::format("{}WHERE sequence < ?1{}{} ORDER BY sequence DESC LIMIT ?2", batch_columns,
                                      filter.source ? " AND source = ?3" : "", filter.status ? " AND status = ?4" : "");
  Query row{lease->db(), sql, static_cast<std::int64_t>(std::min<std::uint64_t>(filter.before, INT64_MAX)), limit + 1};
  if (filter.source) row.bind(3, *filter.source);
  if (filter.status) row.bind(4, static_cast<int>(*filter.status));
  store::BatchPage page;
  std::uint64_t last = 0;
  while (row.next()) {
    if (page.batches.size() == limit) {
      page.before = last;
      break;
    }
    last = row.integer_as<std::uint64_t>(sequence_column);
    page.batches.push_back(batch_of(row));
  }
  return lease->db().result(std::move(page));
}

}  // namespace ratebook::sqlite
