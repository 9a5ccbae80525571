#include "postgres/schema.hpp"

#include <fmt/format.h>

#include <array>

#include "postgres/functions.hpp"

namespace ratebook::postgres {
namespace {

/// A schema of its own: the existing service may have tables `prices` and `ports` in the same database.
constexpr std::string_view base = R"sql(
CREATE SCHEMA IF NOT EXISTS ratebook;
CREATE TABLE IF NOT EXISTS ratebook.migration (
  version integer PRIMARY KEY,
  oldest_program integer NOT NULL,     -- the least version that a program must know to work with this one
  made_at timestamptz NOT NULL DEFAULT now()
);
)sql";

// price: 48 bytes a row whatever `chunk` is wide. Its one index finds a chunk's rows, for the follower and the sweep.
// Measured with 3 million rows: without it a chunk takes a scan of the table; as BRIN a COPY takes half as long again
// as without any, as B-tree three times as long (0.9 µs a row), yet BRIN knows nothing of what came since the last
// vacuum, and that is what is asked for.
// Lists of batches of a source, of a status, and the newest places of a version: measured with a million rows, 50 of
// them asked for, 90, 92 and 59 ms by scans, 0.2 ms by batch_source, batch_status and version_places.
constexpr std::string_view schema_1 = R"sql(
CREATE TABLE log_partition (
  partition integer PRIMARY KEY,
  epoch bigint NOT NULL,               -- of the writer that may publish
  position_offset bigint NOT NULL,     -- -1: before the first record
  position_digest bytea NOT NULL
) WITH (fillfactor = 20);              -- updated at each publish: in place

CREATE TABLE bad_record (              -- said nothing valid; for people to look at
  partition integer NOT NULL REFERENCES log_partition,
  "offset" bigint NOT NULL,
  bytes bytea NOT NULL,
  why text NOT NULL,
  passed_at bigint NOT NULL,           -- times: milliseconds since 1970
  PRIMARY KEY (partition, "offset")
);

CREATE TABLE port (
  number integer PRIMARY KEY,          -- 0, 1, 2, …: never reused, never taken away
  code text NOT NULL UNIQUE
);

CREATE TABLE head (                    -- one row: its lock makes versions gapless and in the order of the commits
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  version bigint NOT NULL,
  chain bytea NOT NULL,
  sequence bigint NOT NULL             -- of the last decision
) WITH (fillfactor = 10);
INSERT INTO head VALUES (true, 0, decode(repeat('00', 32), 'hex'), 0);

CREATE TABLE batch (                   -- every batch that is decided
  sequence bigint PRIMARY KEY,         -- in the order of the decisions
  id text NOT NULL UNIQUE,
  source text NOT NULL,
  idempotency_key text NOT NULL,
  digest bytea NOT NULL,
  price_count bigint NOT NULL,
  replaces text NOT NULL,              -- id, or empty
  status smallint NOT NULL CHECK (status IN (1, 2, 3)),    -- 1 committed, 2 rejected, 3 retracted
  rejection smallint NOT NULL,         -- 0 none, 1 key-conflict, 2 replaces-conflict
  attempt text NOT NULL,
  accepted_at bigint NOT NULL,
  committed_at bigint NOT NULL,        -- 0: never
  version bigint NOT NULL,             -- 0: none
  retracted_version bigint NOT NULL    -- 0: none
);
CREATE UNIQUE INDEX batch_key ON batch (source, idempotency_key) WHERE status <> 2;
CREATE UNIQUE INDEX batch_attempt ON batch (attempt) WHERE status <> 2;
CREATE INDEX batch_source ON batch (source, sequence);
CREATE INDEX batch_status ON batch (status, sequence);

CREATE TABLE version (
  version bigint PRIMARY KEY,
  kind smallint NOT NULL CHECK (kind IN (1, 2, 3)),         -- 1 batch, 2 retraction, 3 places
  batch bigint REFERENCES batch,
  replaced bigint REFERENCES batch,
  committed_at bigint NOT NULL,
  chain bytea NOT NULL
);
CREATE INDEX version_places ON version (version) WHERE kind = 3;

CREATE TABLE region (                  -- as each change of places left them
  version bigint NOT NULL REFERENCES version,
  ordinal integer NOT NULL,
  slug text NOT NULL,
  name text NOT NULL,
  parent_slug text,
  PRIMARY KEY (version, ordinal),
  UNIQUE (version, slug),
  FOREIGN KEY (version, parent_slug) REFERENCES region (version, slug) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE port_place (              -- as each change of places left them; a port that lacks here is closed
  version bigint NOT NULL REFERENCES version,
  port integer NOT NULL REFERENCES port,
  name text NOT NULL,
  parent_slug text,                    -- NULL: closed, or in no region
  closed boolean NOT NULL,
  PRIMARY KEY (version, port),
  FOREIGN KEY (version, parent_slug) REFERENCES region (version, slug)
);

CREATE TABLE marker (                  -- a staged chunk
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  attempt text NOT NULL,
  chunk integer NOT NULL,
  price_count integer NOT NULL,
  first_day date NOT NULL,             -- of its prices
  last_day date NOT NULL,
  UNIQUE (attempt, chunk)
);

CREATE TABLE price (                   -- staged, committed and retracted ones alike: ask the view `prices`
  chunk bigint NOT NULL,               -- marker.number
  orig integer NOT NULL,               -- port.number
  dest integer NOT NULL,
  day date NOT NULL,
  cents integer NOT NULL
);
CREATE INDEX price_chunk ON price (chunk);

CREATE TABLE void_attempt (            -- abandoned: void for ever, also where its chunks are delivered late
  attempt text PRIMARY KEY,
  swept_at bigint NOT NULL
);
CREATE TABLE swept_chunk (             -- whose prices are still to be deleted, a chunk at a time
  number bigint PRIMARY KEY
);

CREATE VIEW prices (orig_code, dest_code, day, price) AS
  SELECT orig.code, dest.code, price.day, (price.cents / 100.0)::numeric(10, 2)
  FROM batch
  JOIN marker ON marker.attempt = batch.attempt
  JOIN price ON price.chunk = marker.number
  JOIN port AS orig ON orig.number = price.orig
  JOIN port AS dest ON dest.number = price.dest
  WHERE batch.status = 1;
)sql";

// bad_record_dropped: without a foreign key, which would lock log_partition, and with it the commits of nodes that run.
// void_attempt: its times were those of the writers' clocks; from now on they are this server's (tidy.hpp).
constexpr std::string_view schema_2 = R"sql(
CREATE TABLE bad_record_dropped (      -- bad records that were kept no longer
  partition integer PRIMARY KEY,
  records bigint NOT NULL,
  bytes bigint NOT NULL
);
UPDATE void_attempt SET swept_at = (extract(epoch FROM clock_timestamp()) * 1000)::bigint;
)sql";

struct Migration {
  std::string_view script;
  int oldest_program;  ///< a program that knows fewer migrations must not work with what this one leaves
};
constexpr std::array migrations{Migration{schema_1, 1}, Migration{schema_2, 1}};
constexpr int newest_migration = static_cast<int>(migrations.size());

/// Any number that nothing else in this database locks.
constexpr std::string_view migration_lock = "SELECT pg_advisory_xact_lock(7231440911)";

struct Standing {
  int version = 0;
  int oldest_program = 0;
};

Result<Standing> standing_schema(Connection& connection) {
  const auto rows = connection.run(
      Statement{"SELECT coalesce(max(version), 0), coalesce(max(oldest_program), 0) FROM ratebook.migration"},
      Effect::none);
  if (!rows) return std::unexpected(rows.error());
  return Standing{rows->integer_as<int>(0, 0), rows->integer_as<int>(0, 1)};
}

}  // namespace

Result<void> migrate(Connection& connection, std::uint32_t partitions) {
  // Most starts find all there, and take no lock.
  auto standing = standing_schema(connection);
  if (!standing || standing->version < newest_migration) {
    const std::array first{Statement{migration_lock}};
    if (auto begun = connection.begin(first); !begun) return std::unexpected(begun.error());
    if (auto made = connection.script(std::string{base}); !made) return made;
    const auto rows = connection.within(Statement{"SELECT coalesce(max(version), 0) FROM migration"});
    if (!rows) return std::unexpected(rows.error());
    const int standing_version = rows->integer_as<int>(0, 0);
    for (int version = standing_version; version < newest_migration; ++version) {
      const auto& migration = migrations[static_cast<std::size_t>(version)];
      if (auto made = connection.script(std::string{migration.script}); !made) return made;
      auto noted = fmt::format("INSERT INTO migration VALUES ({}, {});", version + 1, migration.oldest_program);
      if (version == 0) {
        noted += fmt::format(
            "INSERT INTO log_partition SELECT i, 0, -1, decode(repeat('00', 32), 'hex') "
            "FROM generate_series(0, {}) AS i;",
            partitions - 1);
      }
      if (auto made = connection.script(noted); !made) return made;
    }
    if (standing_version < newest_migration) {
      if (auto made = connection.script(std::string{functions}); !made) return made;
    }
    // Whatever came of it, the next try sees.
    if (auto committed = connection.commit(); !committed) {
      return fail(Failure::unavailable, std::move(committed.error().message));
    }
    standing = standing_schema(connection);
    if (!standing) return std::unexpected(standing.error());
  }
  if (standing->oldest_program > newest_migration) {
    return fail(
        Failure::refused,
        fmt::format("the store's tables are of version {}, which asks for a program that knows version {}; this "
                    "one knows {}: install a newer ratebook",
                    standing->version, standing->oldest_program, newest_migration));
  }
  return {};
}

}  // namespace ratebook::postgres
