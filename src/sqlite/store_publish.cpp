// Decisions become batches and versions: all checks, rows and the new position in one transaction (rules 7, 8 and 11).
#include <fmt/format.h>

#include "sqlite/sqlite_store.hpp"

namespace ratebook::sqlite {
namespace {

using store::Outcome;

/// What stands in the store of a batch that is decided.
struct Decided {
  std::int64_t sequence = 0;
  std::string source;
  BatchStatus status = BatchStatus::committed;
  std::string attempt;
  Version version = 0;
  Version retracted_version = 0;
};

std::optional<Decided> find_decided(Connection& db, const std::string& id) {
  Query row{db, "SELECT sequence, source, status, attempt, version, retracted_version FROM batch WHERE id = ?", id};
  if (!row.next()) return std::nullopt;
  return Decided{.sequence = row.integer(0),
                 .source = std::string{row.text(1)},
                 .status = row.integer_as<BatchStatus>(2),
                 .attempt = std::string{row.text(3)},
                 .version = row.integer_as<Version>(4),
                 .retracted_version = row.integer_as<Version>(5)};
}

bool is_held(Connection& db, const BatchHeader& header) {
  Query row{db, "SELECT 1 FROM batch WHERE source = ? AND idempotency_key = ? AND status <> 2", header.source,
            header.key};
  return row.next();
}

bool is_staged(Connection& db, const store::CommitDecision& decision) {
  Query row{db,
            "SELECT count(*), coalesce(max(chunk), -1), coalesce(sum(price_count), 0) FROM marker WHERE attempt = ?",
            decision.attempt};
  return row.next() && row.integer(0) == decision.chunk_count && row.integer(1) == row.integer(0) - 1 &&
         row.integer_as<std::uint64_t>(2) == decision.header.price_count;
}

/// An attempt's prices and markers go, unless they are those of a batch: then they stay whatever is asked.
void sweep(Connection& db, const std::string& attempt) {
  bool counts = false;
  std::vector<std::pair<std::int64_t, std::int64_t>> rows;
  {
    Query batch{db, "SELECT 1 FROM batch WHERE attempt = ? AND status <> 2", attempt};
    counts = batch.next();
    Query marker{db, "SELECT first_row, price_count FROM marker WHERE attempt = ?", attempt};
    while (!counts && marker.next()) rows.emplace_back(marker.integer(0), marker.integer(1));
  }
  if (counts) return;
  for (const auto& [first, count] : rows) {
    db.run("DELETE FROM price WHERE row BETWEEN ? AND ?", first, first + count - 1);
  }
  db.run("DELETE FROM marker WHERE attempt = ?", attempt);
}

std::int64_t insert_batch(Connection& db, const store::CommitDecision& decision, BatchStatus status,
                          Rejection rejection, WallTime committed_at, Version version) {
  const BatchHeader& header = decision.header;
  db.run(
      "INSERT INTO batch (id, source, idempotency_key, digest, price_count, replaces, status, rejection, attempt, "
      "accepted_at, committed_at, version, retracted_version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
      header.id, header.source, header.key, Blob{header.digest}, header.price_count, header.replaces,
      static_cast<int>(status), static_cast<int>(rejection), decision.attempt, header.accepted_at, committed_at,
      version);
  return db.last_row();
}

void mark_retracted(Connection& db, std::int64_t sequence, Version at) {
  db.run("UPDATE batch SET status = 3, retracted_version = ? WHERE sequence = ?", at, sequence);
}

/// Of one partition so many of the newest bad records are kept, and so many bytes of them.
constexpr std::int64_t bad_records_kept_max = 1000;
constexpr std::int64_t bad_bytes_kept_max = 16LL << 20U;

/// Counts what it drops.
void drop_bad_records(Connection& db, std::uint32_t partition) {
  std::int64_t records = 0;
  std::int64_t bytes = 0;
  std::vector<std::pair<std::int64_t, std::int64_t>> dropped;  // offset, bytes
  {
    Query record{db, "SELECT offset, length(bytes) FROM bad_record WHERE partition = ? ORDER BY offset DESC",
                 partition};
    while (record.next()) {
      ++records;
      bytes += record.integer(1);
      if (records > bad_records_kept_max || bytes > bad_bytes_kept_max) {
        dropped.emplace_back(record.integer(0), record.integer(1));
      }
    }
  }
  for (const auto& [offset, size] : dropped) {
    db.run("DELETE FROM bad_record WHERE partition = ? AND offset = ?", partition, offset);
    db.run(
        "INSERT INTO bad_record_dropped VALUES (?, 1, ?) ON CONFLICT (partition) DO UPDATE SET records = records + 1, "
        "bytes = bytes + excluded.bytes",
        partition, size);
  }
}

class Publication {
 public:
  Publication(Connection& db, const store::PublishRequest& request)
      : db_(db), request_(request), head_(read_head(db)) {}

  /// Failure::not_found: an attempt is not wholly staged. SQL failures stick to the connection.
  Result<std::vector<Outcome>> run() {
    std::vector<Outcome> outcomes;
    for (const auto& decision : request_.decisions) {
      auto outcome = std::visit([this](const auto& one) { return decide(one); }, decision);
      if (!outcome) return std::unexpected(outcome.error());
      outcomes.push_back(*outcome);
    }
    for (const auto& attempt : request_.swept) sweep(db_, attempt);
    for (const auto& bad : request_.bad_records) {
      db_.run("INSERT OR IGNORE INTO bad_record VALUES (?, ?, ?, ?, ?)", request_.partition, bad.offset,
              Blob{bad.bytes}, bad.why, request_.now);
    }
    if (!request_.bad_records.empty()) drop_bad_records(db_, request_.partition);
    move_position();
    return outcomes;
  }

 private:
  Result<Outcome> decide(const store::CommitDecision& decision) {
    if (const auto decided = find_decided(db_, decision.header.id)) {
      sweep(db_, decision.attempt);
      return Outcome{Outcome::Kind::repeat, decided->version};
    }
    if (is_held(db_, decision.header)) return reject(decision, Rejection::key_conflict, Outcome::Kind::key_conflict);
    std::optional<Decided> replaced;
    if (!decision.header.replaces.empty()) {
      replaced = find_decided(db_, decision.header.replaces);
      if (!replaced || replaced->status != BatchStatus::committed || replaced->source != decision.header.source) {
        return reject(decision, Rejection::replaces_conflict, Outcome::Kind::replaces_conflict);
      }
    }
    if (!is_staged(db_, decision)) {
      return fail(Failure::not_found, fmt::format("attempt {} is not wholly staged", decision.attempt));
    }
    return commit(decision, replaced);
  }

  Result<Outcome> decide(const store::RetractDecision& decision) {
    const auto decided = find_decided(db_, decision.batch_id);
    if (!decided || decided->status == BatchStatus::rejected) return Outcome{Outcome::Kind::not_committed, 0};
    if (decided->status == BatchStatus::retracted) {
      return Outcome{Outcome::Kind::already_retracted, decided->retracted_version};
    }
    add_version(db_, head_, VersionKind::retraction, decision.batch_id, decided->sequence, std::nullopt, request_.now);
    mark_retracted(db_, decided->sequence, head_.version);
    return Outcome{Outcome::Kind::retracted, head_.version};
  }

  Outcome commit(const store::CommitDecision& decision, const std::optional<Decided>& replaced) {
    const Version version = head_.version + 1;
    const std::int64_t sequence =
        insert_batch(db_, decision, BatchStatus::committed, Rejection::none, request_.now, version);
    std::optional<std::int64_t> replaced_sequence;
    if (replaced) {
      replaced_sequence = replaced->sequence;
      mark_retracted(db_, replaced->sequence, version);
    }
    add_version(db_, head_, VersionKind::batch, decision.header.id, sequence, replaced_sequence, request_.now);
    return {Outcome::Kind::committed, version};
  }

  Outcome reject(const store::CommitDecision& decision, Rejection why, Outcome::Kind kind) {
    insert_batch(db_, decision, BatchStatus::rejected, why, 0, 0);
    sweep(db_, decision.attempt);
    return {kind, 0};
  }

  // Nothing is kept behind the position: what is appended and decided in one transaction is never written at all.
  void move_position() {
    db_.run("UPDATE log_partition SET position_offset = ?, position_digest = ? WHERE partition = ?",
            request_.next.offset, Blob{request_.next.digest}, request_.partition);
    db_.run("DELETE FROM log_record WHERE partition = ? AND offset <= ?", request_.partition, request_.next.offset);
  }

  Connection& db_;
  const store::PublishRequest& request_;
  store::Head head_;
};

bool stands_at(Connection& db, const store::PublishRequest& request) {
  Query row{db, "SELECT epoch, position_offset, position_digest FROM log_partition WHERE partition = ?",
            request.partition};
  return row.next() && row.integer_as<std::uint64_t>(0) == request.epoch &&
         Position{.offset = row.integer(1), .digest = row.digest(2)} == request.expected;
}

}  // namespace

Result<std::vector<Outcome>> SqliteStore::publish(const store::PublishRequest& request) {
  WriteSide::Turn turn{side_};
  Connection& db = turn.db();
  const bool is_ours = turn.holds(request.partition, request.epoch) && stands_at(db, request);
  if (auto checked = turn.check(); !checked) return std::unexpected(checked.error());
  if (!is_ours) return fail(Failure::lost, "the partition's position or epoch is another");
  if (auto begun = turn.begin(); !begun) return std::unexpected(begun.error());
  // What others have put into the transaction stays when this fails a check.
  db.run("SAVEPOINT publication");
  Publication publication{db, request};
  auto outcomes = publication.run();
  if (!outcomes && !db.failed()) db.run("ROLLBACK TO publication");
  db.run("RELEASE publication");
  if (auto checked = turn.check(); !checked) return std::unexpected(checked.error());
  if (!outcomes) return outcomes;
  if (auto committed = turn.commit(); !committed) return std::unexpected(committed.error());
  // Also where all were rejected: someone waits to hear that.
  if (!request.decisions.empty()) changed_.notify();
  return outcomes;
}

}  // namespace ratebook::sqlite
