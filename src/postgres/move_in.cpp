#include "postgres/move_in.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "json/writer.hpp"
#include "postgres/connection.hpp"
#include "postgres/places_json.hpp"
#include "postgres/schema.hpp"
#include "postgres/staging.hpp"

namespace ratebook::postgres {
namespace {

constexpr std::size_t rows_per_statement = 1000;

class MoveIn {
 public:
  MoveIn(store::Store& from, Connection& to, const MoveProgress& progress)
      : from_(from), to_(to), progress_(progress) {}

  Result<Moved> run() {
    const auto head = from_.head();
    if (!head) return std::unexpected(head.error());
    moved_.head = *head;
    if (auto cleared = clear(); !cleared) return std::unexpected(cleared.error());
    if (auto read = read_batches(); !read) return std::unexpected(read.error());
    for (const auto& batch : batches_) {
      if (batch.version == 0) continue;
      if (auto staged = stage(batch.attempt); !staged) return std::unexpected(staged.error());
    }
    if (auto begun = to_.begin({}); !begun) return std::unexpected(begun.error());
    if (auto filled = fill(); !filled) {
      to_.roll_back();
      return std::unexpected(filled.error());
    }
    if (auto committed = to_.commit(); !committed) {
      Fault& fault = committed.error();
      if (fault.failure == Failure::unknown) {
        fault.message += "; all may be there: move again, which says so once a standby has confirmed it";
      }
      return std::unexpected(std::move(fault));
    }
    return moved_;
  }

 private:
  /// What a move before left, which counts for nobody. The lock waits for one whose last commit is still in doubt.
  Result<void> clear() {
    const std::array questions{Statement{"SELECT version, chain FROM head FOR UPDATE"},
                               Statement{"SELECT EXISTS (SELECT FROM batch) OR EXISTS (SELECT FROM port)"}};
    const auto rows = to_.begin(questions);
    if (!rows) {
      return fail(rows.error().failure, rows.error().message +
                                            "; if that is a lock, a move before may still be in doubt: see to it that "
                                            "a standby is there, and move again");
    }
    const Rows& stands = rows->front();
    const auto version = stands.integer_as<Version>(0, 0);
    const bool is_moved = version > 0 && store::Head{version, stands.digest(0, 1)} == moved_.head;
    if (version > 0 || rows->back().integer(0, 0) != 0) {
      to_.roll_back();
      return fail(Failure::conflict, is_moved ? "the database holds this history already: nothing is left to move"
                                              : "the database has prices or places of its own: name an empty one, and "
                                                "start no node before the move");
    }
    if (auto cleared = change(Statement{"TRUNCATE marker, price, swept_chunk"}); !cleared) {
      to_.roll_back();
      return cleared;
    }
    return to_.commit();
  }

  /// In the order of their decisions.
  Result<void> read_batches() {
    store::BatchFilter filter{.limit = rows_per_statement};
    while (true) {
      auto page = from_.batches(filter);
      if (!page) return std::unexpected(page.error());
      std::ranges::move(page->batches, std::back_inserter(batches_));
      if (!page->before) break;
      filter.before = *page->before;
    }
    std::ranges::reverse(batches_);
    moved_.batches = batches_.size();
    return {};
  }

  Result<void> stage(const std::string& attempt) {
    std::vector<NumberedPrice> chunk;
    std::uint32_t number = 0;
    Result<void> staged;
    const auto put = [&] {
      std::ranges::sort(chunk);
      staged = stage_chunk(attempt, number++, chunk);
      moved_.prices += chunk.size();
      chunk.clear();
      progress_(moved_.prices);
      return staged.has_value();
    };
    const auto read = from_.reading()->prices_of(attempt, [&](std::span<const NumberedPrice> prices) {
      chunk.insert(chunk.end(), prices.begin(), prices.end());
      return chunk.size() < chunk_prices_max || put();
    });
    if (!read) return read;
    if (staged && !chunk.empty()) put();
    return staged;
  }

  Result<void> stage_chunk(const std::string& attempt, std::uint32_t number, std::span<const NumberedPrice> prices) {
    const std::array first{Statement{without_waiting}, insert_marker(attempt, number, prices)};
    const auto begun = to_.begin(first);
    if (!begun) return std::unexpected(begun.error());
    if (auto copied = copy_prices(to_, begun->back().integer(0, 0), prices); !copied) {
      to_.roll_back();
      return copied;
    }
    return to_.commit();
  }

  Result<void> fill() {
    auto places = from_.places(moved_.head.version);
    if (!places) return std::unexpected(places.error());
    std::size_t number = 0;
    for (const auto& port : places->ports) {
      if (auto put = change(Statement{"INSERT INTO port VALUES ($1, $2)", number++, port.code}); !put) return put;
    }
    if (auto put = insert_batches(); !put) return put;
    if (auto put = insert_versions(); !put) return put;
    return change(Statement{"UPDATE head SET version = $1, chain = $2, sequence = $3", moved_.head.version,
                            moved_.head.chain, batches_.size()});
  }

  Result<void> change(const Statement& statement) {
    const auto done = to_.within(statement);
    if (!done) return std::unexpected(done.error());
    return {};
  }

  Result<void> insert_batches() {
    std::uint64_t sequence = 0;
    const auto write = [&sequence](json::Object& object, const Batch& batch) {
      object.number("sequence", ++sequence);
      object.text("id", batch.header.id);
      object.text("source", batch.header.source);
      object.text("key", batch.header.key);
      object.text("digest", hex(batch.header.digest));
      object.number("prices", batch.header.price_count);
      object.text("replaces", batch.header.replaces);
      object.number("status", static_cast<int>(batch.status));
      object.number("rejection", static_cast<int>(batch.rejection));
      object.text("attempt", batch.attempt);
      object.number("accepted_at", batch.header.accepted_at);
      object.number("committed_at", batch.committed_at);
      object.number("version", batch.version);
      object.number("retracted", batch.retracted_version);
    };
    for (std::size_t from = 0; from < batches_.size(); from += rows_per_statement) {
      const std::span some{batches_.data() + from, std::min(rows_per_statement, batches_.size() - from)};
      std::string rows;
      json::append_objects(rows, some, write);
      const auto put = change(Statement{
          "INSERT INTO batch SELECT sequence, id, source, key, decode(digest, 'hex'), prices, replaces, status, "
          "rejection, "
          "attempt, accepted_at, committed_at, version, retracted FROM jsonb_to_recordset($1) AS t (sequence bigint, "
          "id text, source text, key text, digest text, prices bigint, replaces text, status smallint, "
          "rejection smallint, attempt text, accepted_at bigint, committed_at bigint, version bigint, retracted "
          "bigint)",
          rows});
      if (!put) return put;
    }
    return {};
  }

  Result<void> insert_versions() {
    const auto write = [](json::Object& object, const VersionRow& row) {
      object.number("version", row.version);
      object.number("kind", static_cast<int>(row.kind));
      object.text("batch", row.batch_id);
      object.text("replaced", row.replaced_id);
      object.number("committed_at", row.committed_at);
      object.text("chain", hex(row.chain));
    };
    for (Version after = 0; after < moved_.head.version;) {
      const auto versions = from_.versions(after, rows_per_statement);
      if (!versions) return std::unexpected(versions.error());
      if (versions->empty()) return fail(Failure::damaged, "the history that is moved has a gap");
      std::string rows;
      json::append_objects(rows, *versions, write);
      const auto put = change(Statement{
          "INSERT INTO version SELECT t.version, kind, b.sequence, r.sequence, t.committed_at, decode(chain, 'hex') "
          "FROM jsonb_to_recordset($1) AS t (version bigint, kind smallint, batch text, replaced text, "
          "committed_at bigint, chain text) LEFT JOIN batch AS b ON b.id = t.batch LEFT JOIN batch AS r ON r.id = "
          "replaced",
          rows});
      if (!put) return put;
      for (const auto& row : *versions) {
        if (row.kind != VersionKind::places) continue;
        if (auto placed = insert_places(row.version); !placed) return placed;
      }
      after = versions->back().version;
    }
    return {};
  }

  Result<void> insert_places(Version version) {
    const auto places = from_.places(version);
    if (!places) return std::unexpected(places.error());
    return change(Statement{"SELECT insert_places($1, $2)", version, places_json(*places)});
  }

  store::Store& from_;
  Connection& to_;
  const MoveProgress& progress_;
  std::vector<Batch> batches_;
  Moved moved_;
};

}  // namespace

Result<Moved> move_in(store::Store& from, const PostgresOptions& options, const Runtime& runtime,
                      const MoveProgress& progress) {
  auto connection = Connection::open(options.primary, options, runtime);
  if (!connection) return std::unexpected(connection.error());
  if (auto migrated = migrate(*connection, options.partitions); !migrated) return std::unexpected(migrated.error());
  return MoveIn{from, *connection, progress}.run();
}

}  // namespace ratebook::postgres
