// Prices on their way out: of an attempt, of a version, chunk by chunk.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "model/radix_sort.hpp"
#include "postgres/price_copy.hpp"
#include "postgres/store.hpp"

namespace ratebook::postgres {
namespace {

constexpr std::size_t prices_per_span = 8192;
constexpr std::size_t chunks_per_copy = 1000;
constexpr std::size_t markers_per_page = 10'000;

/// Read by the index on chunks, whatever the planner knows of a table that grows by millions.
const Statement by_index{"SET LOCAL enable_seqscan = off"};
/// And within one snapshot.
const std::array snapshot{Statement{"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"}, by_index};

struct StagedChunk {
  std::int64_t number = 0;
  std::int64_t price_count = 0;
};

std::vector<StagedChunk> chunks_in(const Rows& rows) {
  std::vector<StagedChunk> chunks;
  for (int row = 0; row < rows.size(); ++row) chunks.push_back({rows.integer(row, 0), rows.integer(row, 1)});
  return chunks;
}

/// What of a chunk's prices is asked for, beside the chunk itself.
std::string condition_of(const store::PriceFilter& filter) {
  std::string condition;
  if (!filter.origs.empty()) condition += fmt::format(" AND orig = ANY('{{{}}}')", fmt::join(filter.origs, ","));
  if (!filter.dests.empty()) condition += fmt::format(" AND dest = ANY('{{{}}}')", fmt::join(filter.dests, ","));
  if (filter.from > day_min || filter.to < day_max) {
    condition += fmt::format(" AND day BETWEEN date '1970-01-01' + {} AND date '1970-01-01' + {}",
                             filter.from.since_1970, filter.to.since_1970);
  }
  return condition;
}

/// What one COPY brings: it is handed on only once it is whole, so that what broke off can be read again, elsewhere.
class Copied {
 public:
  void add(const NumberedPrice& price) { prices_.push_back(price); }
  /// In sorted spans, as many at once as a reader takes well. False: it wants no more.
  bool give(const store::PriceSink& sink) {
    for (std::span<NumberedPrice> rest{prices_}; !rest.empty();) {
      const auto some = rest.first(std::min(rest.size(), prices_per_span));
      if (!std::ranges::is_sorted(some)) radix_sort(some, scratch_);
      if (!sink(some)) return false;
      rest = rest.subspan(some.size());
    }
    prices_.clear();
    return true;
  }
  std::vector<NumberedPrice> take() { return std::move(prices_); }

 private:
  std::vector<NumberedPrice> prices_;
  std::vector<NumberedPrice> scratch_;
};

Result<void> copy_some(Connection& connection, std::span<const std::int64_t> numbers, const std::string& condition,
                       Copied& copied) {
  PriceDecoder decoder;
  return connection.copy_out(
      fmt::format("COPY (SELECT chunk, orig, dest, day, cents FROM price WHERE chunk = ANY('{{{}}}'::bigint[]){}) "
                  "TO STDOUT (FORMAT binary)",
                  fmt::join(numbers, ","), condition),
      [&](std::string_view piece) -> Result<bool> {
        const auto row = decoder.decode(piece);
        if (!row) return std::unexpected(row.error());
        if (*row) copied.add((*row)->price);
        return true;
      });
}

/// As many of the first of `chunks` as one COPY takes.
std::vector<std::int64_t> numbers_for_a_copy(std::span<const StagedChunk> chunks, std::size_t prices_max) {
  std::vector<std::int64_t> numbers;
  std::size_t prices = 0;
  for (const auto& chunk : chunks) {
    if (prices >= prices_max || numbers.size() == chunks_per_copy) break;
    numbers.push_back(chunk.number);
    prices += static_cast<std::size_t>(chunk.price_count);
  }
  return numbers;
}

/// Chunks of a committed batch, which never change: each COPY has a transaction of its own.
Result<void> copy_chunks(Connection& connection, std::span<const StagedChunk> chunks, std::size_t prices_max,
                         const store::PriceSink& sink) {
  while (!chunks.empty()) {
    const auto numbers = numbers_for_a_copy(chunks, prices_max);
    if (auto begun = connection.begin({&by_index, 1}); !begun) return std::unexpected(begun.error());
    Copied copied;
    const auto whole = copy_some(connection, numbers, "", copied);
    connection.roll_back();
    if (!whole) return whole;
    if (!copied.give(sink)) break;
    chunks = chunks.subspan(numbers.size());
  }
  return {};
}

/// A snapshot, and the answers to `questions` in it.
Result<std::vector<Rows>> begin_snapshot(Connection& connection, std::span<const Statement> questions) {
  std::vector<Statement> all(snapshot.begin(), snapshot.end());
  all.insert(all.end(), questions.begin(), questions.end());
  auto rows = connection.begin(all);
  if (rows) rows->erase(rows->begin(), rows->begin() + static_cast<std::ptrdiff_t>(snapshot.size()));
  return rows;
}

bool holds_version(const Rows& chain, const store::Head& at) {
  return at == store::Head{} || (chain.size() == 1 && chain.digest(0, 0) == at.chain);
}

std::unexpected<Fault> no_version(const store::Head& at) {
  return fail(Failure::not_found, fmt::format("version {} is not here, or is another", at.version));
}

Statement chain_of(const store::Head& at) {
  return Statement{"SELECT chain FROM version WHERE version = $1", at.version};
}

/// The prices of a version, a piece at a time: a page of its chunks' markers, or a COPY of some of these. What a
/// version of one chain holds never changes, so each piece is a short transaction on any connection, to a server that
/// proves in it that it holds the version. A replica cancels longer ones that hold its replay up
/// (max_standby_streaming_delay, 30 s), and no answer grows with what the store holds.
class VersionScan {
 public:
  VersionScan(const store::Head& at, const store::PriceFilter& filter, std::size_t prices_max)
      : at_(at), filter_(filter), condition_(condition_of(filter)), prices_max_(prices_max) {}

  bool is_over() const { return is_stopped_ || (listed_.empty() && listed_all_); }

  /// After a failure nothing of the piece has been given.
  Result<void> read_on(Connection& connection, const store::PriceSink& sink) {
    return listed_.empty() ? list_page(connection) : copy_next(connection, sink);
  }

 private:
  /// By the markers' numbers, so that a page takes as long wherever it begins. Each marker looks for its batch by the
  /// index on attempts: as a subquery the planner cannot make anything else of it, whatever it knows of the tables.
  /// Most may be of other days, or of no batch: they are counted in the page and left out here.
  Statement page() const {
    return Statement{
        "SELECT number, price_count, CASE WHEN first_day <= date '1970-01-01' + $3::integer "
        "AND last_day >= date '1970-01-01' + $2::integer "
        "THEN coalesce((SELECT version BETWEEN 1 AND $1 AND (retracted_version = 0 OR "
        "retracted_version > $1) FROM batch WHERE batch.attempt = page.attempt AND status <> 2), false) "
        "ELSE false END FROM (SELECT number, attempt, price_count, first_day, last_day FROM marker "
        "WHERE number > $4 AND number % $5 = $6 ORDER BY number LIMIT $7) AS page ORDER BY number",
        at_.version,
        filter_.from.since_1970,
        filter_.to.since_1970,
        last_listed_,
        filter_.part.count,
        filter_.part.index,
        markers_per_page};
  }

  Result<void> list_page(Connection& connection) {
    // Or the planner reads and sorts all markers for each page.
    const std::array questions{Statement{"SET LOCAL enable_bitmapscan = off"}, Statement{"SET LOCAL enable_sort = off"},
                               Statement{"SET LOCAL max_parallel_workers_per_gather = 0"}, chain_of(at_), page()};
    const auto rows = begin_snapshot(connection, questions);
    if (!rows) return std::unexpected(rows.error());
    connection.roll_back();
    if (!holds_version((*rows)[3], at_)) return no_version(at_);
    const Rows& markers = rows->back();
    for (int row = 0; row < markers.size(); ++row) {
      last_listed_ = markers.integer(row, 0);
      if (markers.integer(row, 2) != 0) listed_.push_back({last_listed_, markers.integer(row, 1)});
    }
    listed_all_ = static_cast<std::size_t>(markers.size()) < markers_per_page;
    return {};
  }

  Result<void> copy_next(Connection& connection, const store::PriceSink& sink) {
    const auto chain = chain_of(at_);
    const auto rows = begin_snapshot(connection, {&chain, 1});
    if (!rows) return std::unexpected(rows.error());
    if (!holds_version(rows->front(), at_)) {
      connection.roll_back();
      return no_version(at_);
    }
    const auto numbers = numbers_for_a_copy(listed_, prices_max_);
    Copied copied;
    const auto whole = copy_some(connection, numbers, condition_, copied);
    connection.roll_back();
    if (!whole) return whole;
    listed_.erase(listed_.begin(), listed_.begin() + static_cast<std::ptrdiff_t>(numbers.size()));
    is_stopped_ = !copied.give(sink);
    return {};
  }

  const store::Head at_;
  const store::PriceFilter& filter_;
  const std::string condition_;
  const std::size_t prices_max_;
  std::vector<StagedChunk> listed_;  ///< whose prices are still to be read
  std::int64_t last_listed_ = 0;
  bool listed_all_ = false;
  bool is_stopped_ = false;
};

}  // namespace

Result<void> read_attempt(Connection& connection, const std::string& attempt, std::size_t prices_max,
                          const store::PriceSink& sink) {
  const std::array questions{
      Statement{"SELECT FROM batch WHERE attempt = $1 AND status <> 2", attempt},
      Statement{"SELECT number, price_count FROM marker WHERE attempt = $1 ORDER BY chunk", attempt}};
  const auto rows = begin_snapshot(connection, questions);
  if (!rows) return std::unexpected(rows.error());
  connection.roll_back();
  // A primary that was restored may not have it: an empty answer would be taken for an empty batch.
  if (rows->front().size() == 0) {
    return fail(Failure::not_found, fmt::format("no batch counts attempt {} here", attempt));
  }
  return copy_chunks(connection, chunks_in(rows->back()), prices_max, sink);
}

/// From the replica, and what that has not got yet, or breaks off, from the primary: the chain proves that it is what
/// the caller was told of. Who reads much gives the connection to others after each piece.
Result<void> PostgresStore::prices_at(const store::Head& at, const store::PriceFilter& filter,
                                      const store::PriceSink& sink) {
  VersionScan scan{at, filter, options_.copied_prices_max};
  const auto read_on = [&](Pool& pool) -> Result<void> {
    auto lease = pool.lease();
    if (!lease) return std::unexpected(lease.error());
    return scan.read_on(**lease, sink);
  };
  bool by_replica = replica_scans_ != nullptr;
  while (!scan.is_over()) {
    auto read = read_on(by_replica ? *replica_scans_ : scans_);
    if (!read && !by_replica) return read;
    if (!read && read.error().failure != Failure::not_found) options_.report(read.error());
    by_replica = by_replica && read;
  }
  return {};
}

Result<std::optional<store::VersionChunk>> PostgresStore::next_chunk(const store::Head& at,
                                                                     std::optional<store::ChunkName> after) {
  auto lease = scans_.lease();
  if (!lease) return std::unexpected(lease.error());
  Connection& connection = **lease;
  const std::array questions{
      chain_of(at),
      Statement{"SELECT number, marker.price_count, v.version, chunk FROM version AS v "
                "JOIN batch ON batch.sequence = v.batch JOIN marker USING (attempt) "
                "WHERE v.kind = 1 AND v.version BETWEEN $2 AND $1 AND (v.version > $2 OR chunk > $3) "
                "AND (retracted_version = 0 OR retracted_version > $1) ORDER BY v.version, chunk LIMIT 1",
                at.version, after ? after->version : 0, after ? std::int64_t{after->chunk} : std::int64_t{-1}}};
  const auto rows = begin_snapshot(connection, questions);
  if (!rows) return std::unexpected(rows.error());
  if (!holds_version(rows->front(), at)) {
    connection.roll_back();
    return no_version(at);
  }
  const Rows& marker = rows->back();
  std::optional<store::VersionChunk> found;
  if (marker.size() > 0) {
    found.emplace(store::ChunkName{marker.integer_as<Version>(0, 2), marker.integer_as<std::uint32_t>(0, 3)},
                  std::vector<NumberedPrice>{});
    Copied copied;
    const std::int64_t number = marker.integer(0, 0);
    if (auto whole = copy_some(connection, {&number, 1}, "", copied); !whole) {
      connection.roll_back();
      return std::unexpected(whole.error());
    }
    found->prices = copied.take();
    std::ranges::sort(found->prices);
  }
  const Statement proof{proving_write};
  if (auto proven = connection.commit({&proof, 1}); !proven) return fail(Failure::unavailable, proven.error().message);
  return found;
}

}  // namespace ratebook::postgres
