// Prices on their way out: of an attempt, of a version, chunk by chunk.
#include <fmt/format.h>

#include <algorithm>

#include "sqlite/price_rows.hpp"
#include "sqlite/price_search.hpp"
#include "sqlite/sqlite_store.hpp"

namespace ratebook::sqlite {
namespace {

bool takes_all(const store::PriceFilter& filter) {
  return filter.origs.empty() && filter.dests.empty() && filter.from <= day_min && filter.to >= day_max;
}

/// Neighbours in the file stay together, for one statement reads over them.
std::span<const ChunkRows> chunks_of(std::span<const ChunkRows> chunks, store::Part part) {
  const auto begin_of = [&](std::size_t index) { return chunks.size() * index / part.count; };
  return chunks.subspan(begin_of(part.index), begin_of(part.index + 1) - begin_of(part.index));
}

Result<void> check_chain(Connection& db, const store::Head& at) {
  if (at == store::Head{}) return {};
  Query row{db, "SELECT chain FROM version WHERE version = ?", static_cast<std::int64_t>(at.version)};
  const bool is_here = row.next() && row.digest(0) == at.chain;
  if (auto read = db.result(); !read) return read;
  if (is_here) return {};
  return fail(Failure::not_found, fmt::format("version {} is not here, or is another", at.version));
}

Result<void> check_counted(Connection& db, const std::string& attempt) {
  Query row{db, "SELECT 1 FROM batch WHERE attempt = ? AND status <> 2", attempt};
  const bool is_counted = row.next();
  if (auto read = db.result(); !read) return read;
  if (is_counted) return {};
  return fail(Failure::not_found, fmt::format("no batch counts attempt {} here", attempt));
}

}  // namespace

Result<void> SqliteStore::prices_of(const std::string& attempt, const store::PriceSink& sink) {
  auto lease = steps_.lease();
  if (!lease) return std::unexpected(lease.error());
  Connection& db = lease->db();
  if (auto counted = check_counted(db, attempt); !counted) return counted;
  const auto chunks = read_chunks(db, fmt::format("SELECT {} FROM marker WHERE attempt = ?", chunk_columns), attempt);
  if (!chunks) return std::unexpected(chunks.error());
  Outlet outlet{sink};
  scan_all(db, *chunks, outlet);
  return outlet.result(db);
}

Result<void> SqliteStore::prices_at(const store::Head& at, const store::PriceFilter& filter,
                                    const store::PriceSink& sink) {
  auto lease = scans_.lease();
  if (!lease) return std::unexpected(lease.error());
  Connection& db = lease->db();
  if (auto checked = check_chain(db, at); !checked) return checked;
  const auto chunks = read_chunks(
      db,
      fmt::format("SELECT {} FROM batch "
                  "CROSS JOIN marker ON marker.attempt = batch.attempt WHERE batch.version BETWEEN 1 AND ?1 "
                  "AND (batch.retracted_version = 0 OR batch.retracted_version > ?1)",
                  chunk_columns),
      static_cast<std::int64_t>(at.version));
  if (!chunks) return std::unexpected(chunks.error());
  const auto of_part = chunks_of(*chunks, filter.part);
  Outlet outlet{sink};
  if (takes_all(filter)) {
    scan_all(db, of_part, outlet);
  } else {
    scan_matching(db, of_part, filter, outlet);
  }
  return outlet.result(db);
}

Result<std::optional<store::VersionChunk>> SqliteStore::next_chunk(const store::Head& at,
                                                                   std::optional<store::ChunkName> after) {
  auto lease = scans_.lease();
  if (!lease) return std::unexpected(lease.error());
  Connection& db = lease->db();
  if (auto checked = check_chain(db, at); !checked) return std::unexpected(checked.error());
  Query marker{
      db,
      fmt::format(
          "SELECT version.version, marker.chunk, {} FROM version "
          "CROSS JOIN batch ON batch.sequence = version.batch CROSS JOIN marker ON marker.attempt = batch.attempt "
          "WHERE version.kind = 1 AND version.version BETWEEN ?2 AND ?1 "
          "AND (version.version > ?2 OR marker.chunk > ?3) "
          "AND (batch.retracted_version = 0 OR batch.retracted_version > ?1) "
          "ORDER BY version.version, marker.chunk LIMIT 1",
          chunk_columns),
      static_cast<std::int64_t>(at.version), after ? after->version : 0, after ? std::int64_t{after->chunk} : -1};
  if (!marker.next()) {
    if (auto read = db.result(); !read) return std::unexpected(read.error());
    return std::nullopt;
  }
  store::VersionChunk found{{marker.integer_as<Version>(0), marker.integer_as<std::uint32_t>(1)}, {}};
  const auto chunk = read_chunk(marker, 2);
  if (!chunk) return std::unexpected(chunk.error());
  const store::PriceSink sink = [&found](std::span<const NumberedPrice> prices) {
    found.prices.insert(found.prices.end(), prices.begin(), prices.end());
    return true;
  };
  Outlet outlet{sink};
  scan_all(db, {&*chunk, 1}, outlet);
  if (auto read = outlet.result(db); !read) return std::unexpected(read.error());
  return found;
}

}  // namespace ratebook::sqlite
