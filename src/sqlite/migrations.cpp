#include "sqlite/migrations.hpp"

#include <fmt/format.h>

#include <array>

namespace ratebook::sqlite {
namespace {

// Prices have no index and name no attempt: a chunk's rows are contiguous and sorted, its marker says which they are.
// That makes a row 12 to 17 bytes and its insertion an append; whoever looks for a route searches within each chunk.
constexpr std::string_view schema_1 = R"sql(
CREATE TABLE log_partition (
  partition INTEGER PRIMARY KEY,
  epoch INTEGER NOT NULL,              -- of the writer that may publish
  position_offset INTEGER NOT NULL,    -- -1: before the first record
  position_digest BLOB NOT NULL
) STRICT;

CREATE TABLE log_record (
  partition INTEGER NOT NULL REFERENCES log_partition,
  offset INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  PRIMARY KEY (partition, offset)
) STRICT, WITHOUT ROWID;

CREATE TABLE bad_record (              -- said nothing valid; for people to look at
  partition INTEGER NOT NULL REFERENCES log_partition,
  offset INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  why TEXT NOT NULL,
  passed_at INTEGER NOT NULL,          -- times: milliseconds since 1970
  PRIMARY KEY (partition, offset)
) STRICT;

CREATE TABLE port (
  number INTEGER PRIMARY KEY,          -- 0, 1, 2, …: never reused, never taken away
  code TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE batch (                   -- every batch that is decided
  sequence INTEGER PRIMARY KEY,        -- in the order of the decisions
  id TEXT NOT NULL UNIQUE,
  source TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  digest BLOB NOT NULL,
  price_count INTEGER NOT NULL,
  replaces TEXT NOT NULL,              -- id, or empty
  status INTEGER NOT NULL CHECK (status IN (1, 2, 3)),     -- 1 committed, 2 rejected, 3 retracted
  rejection INTEGER NOT NULL,          -- 0 none, 1 key-conflict, 2 replaces-conflict
  attempt TEXT NOT NULL,
  accepted_at INTEGER NOT NULL,
  committed_at INTEGER NOT NULL,       -- 0: never
  version INTEGER NOT NULL,            -- 0: none
  retracted_version INTEGER NOT NULL   -- 0: none
) STRICT;
CREATE UNIQUE INDEX batch_key ON batch (source, idempotency_key) WHERE status <> 2;
CREATE UNIQUE INDEX batch_attempt ON batch (attempt) WHERE status <> 2;
CREATE INDEX batch_source ON batch (source, sequence);
CREATE INDEX batch_status ON batch (status, sequence);

CREATE TABLE version (
  version INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL CHECK (kind IN (1, 2, 3)),          -- 1 batch, 2 retraction, 3 places
  batch INTEGER REFERENCES batch (sequence),
  replaced INTEGER REFERENCES batch (sequence),
  committed_at INTEGER NOT NULL,
  chain BLOB NOT NULL
) STRICT;
CREATE INDEX version_places ON version (version) WHERE kind = 3;

CREATE TABLE region (                  -- as each change of places left them
  version INTEGER NOT NULL REFERENCES version,
  ordinal INTEGER NOT NULL,
  slug TEXT NOT NULL,
  name TEXT NOT NULL,
  parent_slug TEXT,
  PRIMARY KEY (version, ordinal),
  UNIQUE (version, slug),
  FOREIGN KEY (version, parent_slug) REFERENCES region (version, slug) DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE TABLE port_place (              -- as each change of places left them; a port that lacks here is closed
  version INTEGER NOT NULL REFERENCES version,
  port INTEGER NOT NULL REFERENCES port,
  name TEXT NOT NULL,
  parent_slug TEXT,                    -- NULL: closed, or in no region
  closed INTEGER NOT NULL,
  PRIMARY KEY (version, port),
  FOREIGN KEY (version, parent_slug) REFERENCES region (version, slug)
) STRICT, WITHOUT ROWID;

CREATE TABLE marker (                  -- a staged chunk
  attempt TEXT NOT NULL,
  chunk INTEGER NOT NULL,
  price_count INTEGER NOT NULL,
  first_row INTEGER NOT NULL,          -- of price; the others follow it
  first_day INTEGER NOT NULL,          -- of its prices
  last_day INTEGER NOT NULL,
  PRIMARY KEY (attempt, chunk)
) STRICT, WITHOUT ROWID;

CREATE TABLE price (                   -- staged, committed and retracted ones alike: ask the view `prices`
  row INTEGER PRIMARY KEY,
  orig INTEGER NOT NULL,               -- port.number
  dest INTEGER NOT NULL,
  day INTEGER NOT NULL,                -- since 1970-01-01
  cents INTEGER NOT NULL
) STRICT;

CREATE VIEW prices (orig_code, dest_code, day, price) AS
  SELECT orig.code, dest.code, date(price.day * 86400, 'unixepoch'), price.cents / 100.0
  FROM batch
  CROSS JOIN marker ON marker.attempt = batch.attempt
  CROSS JOIN price ON price.row BETWEEN marker.first_row AND marker.first_row + marker.price_count - 1
  CROSS JOIN port AS orig ON orig.number = price.orig
  CROSS JOIN port AS dest ON dest.number = price.dest
  WHERE batch.status = 1;
)sql";

constexpr std::string_view schema_2 = R"sql(
ALTER TABLE marker ADD COLUMN checksum INTEGER;  -- of its prices (price_checksum.hpp); NULL: staged under schema 1
)sql";

constexpr std::array scripts{schema_1, schema_2};

/// Tables that came later and that a release before can do without: user_version stays, so it can open the file, too.
constexpr std::string_view additions = R"sql(
CREATE TABLE IF NOT EXISTS bad_record_dropped (  -- bad records that were kept no longer
  partition INTEGER PRIMARY KEY,
  records INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT;
)sql";

std::int64_t ask(Connection& db, std::string_view sql) {
  Query query{db, sql};
  return query.next() ? query.integer(0) : 0;
}

}  // namespace

std::int32_t newest_schema() { return static_cast<std::int32_t>(scripts.size()); }

Result<void> check_ours(Connection& db, const std::string& path) {
  const std::int64_t id = ask(db, "PRAGMA application_id");
  const std::int64_t schema = ask(db, "PRAGMA user_version");
  const std::int64_t objects = ask(db, "SELECT count(*) FROM sqlite_schema");
  if (auto asked = db.result(); !asked) return asked;
  const bool is_empty = id == 0 && schema == 0 && objects == 0;
  if (id != application_id && !is_empty) {
    return fail(Failure::damaged,
                fmt::format("{}: is a database of another program; name another file, which will be made", path));
  }
  if (schema > newest_schema()) {
    return fail(Failure::conflict,
                fmt::format("{}: was written by a newer release (schema {}, this one knows {}); use that release", path,
                            schema, newest_schema()));
  }
  return {};
}

Result<void> migrate(Connection& db, std::uint32_t partition_count) {
  const std::int64_t from = ask(db, "PRAGMA user_version");
  for (auto schema = static_cast<std::size_t>(from); !db.failed() && schema < scripts.size(); ++schema) {
    db.run("BEGIN IMMEDIATE");
    db.script(std::string{scripts[schema]});
    if (schema == 0) {
      for (std::uint32_t partition = 0; partition < partition_count; ++partition) {
        db.run("INSERT INTO log_partition VALUES (?, 0, -1, ?)", partition, Blob{Digest{}});
      }
      db.script(fmt::format("PRAGMA application_id = {}", application_id));
    }
    db.script(fmt::format("PRAGMA user_version = {}", schema + 1));
    db.run("COMMIT");
  }
  if (ask(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'bad_record_dropped'") == 0) {
    db.script(std::string{additions});
  }
  return db.result();
}

}  // namespace ratebook::sqlite
