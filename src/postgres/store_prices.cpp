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

std::vector<StagedChunk> part_of(const std::vector<StagedChunk>& chunks, store::Part part) {
  std::vector<StagedChunk> own;
  for (std::size_t i = part.index; i < chunks.size(); i += part.count) own.push_back(chunks[i]);
  return own;
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

/// Hands prices on in sorted spans, as many at once as a reader takes well.
class SortedOutlet {
 public:
  explicit SortedOutlet(const store::PriceSink& sink) : sink_(sink) { prices_.reserve(prices_per_span); }

  bool add(const NumberedPrice& price) {
    prices_.push_back(price);
    return prices_.size() < prices_per_span || flush();
  }
  bool flush() {
    if (prices_.empty() || stopped_) return !stopped_;
    if (!std::ranges::is_sorted(prices_)) radix_sort(std::span(prices_), scratch_);
    stopped_ = !sink_(prices_);
    prices_.clear();
    return !stopped_;
  }
  bool is_stopped() const { return stopped_; }

 private:
  const store::PriceSink& sink_;
  std::vector<NumberedPrice> prices_;
  std::vector<NumberedPrice> scratch_;
  bool stopped_ = false;
};

Result<void> copy_some(Connection& connection, std::span<const std::int64_t> numbers, const std::string& condition,
                       SortedOutlet& outlet) {
  PriceDecoder decoder;
  return connection.copy_out(
      fmt::format("COPY (SELECT chunk, orig, dest, day, cents FROM price WHERE chunk = ANY('{{{}}}'::bigint[]){}) "
                  "TO STDOUT (FORMAT binary)",
                  fmt::join(numbers, ","), condition),
      [&](std::string_view piece) -> Result<bool> {
        const auto row = decoder.decode(piece);
        if (!row) return std::unexpected(row.error());
        return !*row || outlet.add((*row)->price);
      });
}

/// Chunks of committed batches, which never change: each COPY has a transaction of its own. A replica cancels one that
/// is older than its max_standby_streaming_delay (30 s) as soon as commits go on.
Result<void> copy_chunks(Connection& connection, std::span<const StagedChunk> chunks, const std::string& condition,
                         std::size_t prices_max, SortedOutlet& outlet) {
  while (!chunks.empty() && !outlet.is_stopped()) {
    std::vector<std::int64_t> numbers;
    for (std::size_t prices = 0; !chunks.empty() && prices < prices_max && numbers.size() < chunks_per_copy;) {
      numbers.push_back(chunks.front().number);
      prices += static_cast<std::size_t>(chunks.front().price_count);
      chunks = chunks.subspan(1);
    }
    if (auto begun = connection.begin({&by_index, 1}); !begun) return std::unexpected(begun.error());
    const auto copied = copy_some(connection, numbers, condition, outlet);
    connection.roll_back();
    if (!copied) return copied;
  }
  outlet.flush();
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
  SortedOutlet outlet{sink};
  return copy_chunks(connection, chunks_in(rows->back()), "", prices_max, outlet);
}

Result<void> read_version(Connection& connection, const store::Head& at, const store::PriceFilter& filter,
                          std::size_t prices_max, const store::PriceSink& sink) {
  const std::array questions{
      // Of a table that has grown since it was looked at, the planner thinks that one row fits: a loop in a loop.
      Statement{"SET LOCAL enable_nestloop = off"},
      Statement{"SELECT chain FROM version WHERE version = $1", at.version},
      Statement{"SELECT number, marker.price_count FROM batch JOIN marker USING (attempt) "
                "WHERE version BETWEEN 1 AND $1 AND (retracted_version = 0 OR retracted_version > $1) "
                "AND first_day <= date '1970-01-01' + $3::integer AND last_day >= date '1970-01-01' + $2::integer "
                "ORDER BY number",
                at.version, filter.from.since_1970, filter.to.since_1970}};
  const auto rows = begin_snapshot(connection, questions);
  if (!rows) return std::unexpected(rows.error());
  connection.roll_back();
  const Rows& chain = (*rows)[1];
  if (chain.size() != 1 || chain.digest(0, 0) != at.chain) {
    return fail(Failure::not_found, fmt::format("version {} is not here, or is another", at.version));
  }
  SortedOutlet outlet{sink};
  return copy_chunks(connection, part_of(chunks_in(rows->back()), filter.part), condition_of(filter), prices_max,
                     outlet);
}

}  // namespace

Result<store::Head> PostgresStore::head_at(Version at) {
  const auto rows =
      ask_briefly(Statement{"SELECT version, chain FROM version WHERE version <= $1 ORDER BY version DESC LIMIT 1",
                            std::min<Version>(at, INT64_MAX)});
  if (!rows) return std::unexpected(rows.error());
  if (rows->size() == 0) return store::Head{};
  return store::Head{.version = rows->integer_as<Version>(0, 0), .chain = rows->digest(0, 1)};
}

/// From the primary: a replica may have the same attempt under another history.
Result<void> PostgresStore::prices_of(const std::string& attempt, const store::PriceSink& sink) {
  auto lease = attempts_.lease();
  if (!lease) return std::unexpected(lease.error());
  return read_attempt(**lease, attempt, options_.copied_prices_max, sink);
}

/// From the replica, and where that has not got far enough, or does not answer, from the primary.
Result<void> PostgresStore::prices_at(Version at, const store::PriceFilter& filter, const store::PriceSink& sink) {
  const auto head = head_at(at);
  if (!head) return std::unexpected(head.error());
  if (head->version == 0) return {};
  if (replica_scans_ != nullptr) {
    bool has_given = false;
    const store::PriceSink noting = [&](std::span<const NumberedPrice> prices) {
      has_given = true;
      return sink(prices);
    };
    if (auto lease = replica_scans_->lease()) {
      // What was given once must not come again.
      if (auto done = read_version(**lease, *head, filter, options_.copied_prices_max, noting); done || has_given)
        return done;
    }
  }
  auto lease = scans_.lease();
  if (!lease) return std::unexpected(lease.error());
  return read_version(**lease, *head, filter, options_.copied_prices_max, sink);
}

Result<std::optional<store::VersionChunk>> PostgresStore::next_chunk(Version at,
                                                                     std::optional<store::ChunkName> after) {
  auto lease = scans_.lease();
  if (!lease) return std::unexpected(lease.error());
  Connection& connection = **lease;
  const std::array questions{
      Statement{"SELECT number, marker.price_count, v.version, chunk FROM version AS v "
                "JOIN batch ON batch.sequence = v.batch JOIN marker USING (attempt) "
                "WHERE v.kind = 1 AND v.version BETWEEN $2 AND $1 AND (v.version > $2 OR chunk > $3) "
                "AND (retracted_version = 0 OR retracted_version > $1) ORDER BY v.version, chunk LIMIT 1",
                std::min<Version>(at, INT64_MAX), after ? after->version : 0,
                after ? std::int64_t{after->chunk} : std::int64_t{-1}}};
  const auto rows = begin_snapshot(connection, questions);
  if (!rows) return std::unexpected(rows.error());
  const Rows& marker = rows->front();
  std::optional<store::VersionChunk> found;
  if (marker.size() > 0) {
    found.emplace(store::ChunkName{marker.integer_as<Version>(0, 2), marker.integer_as<std::uint32_t>(0, 3)},
                  std::vector<NumberedPrice>{});
    const store::PriceSink sink = [&found](std::span<const NumberedPrice> prices) {
      found->prices.insert(found->prices.end(), prices.begin(), prices.end());
      return true;
    };
    SortedOutlet outlet{sink};
    const std::int64_t number = marker.integer(0, 0);
    if (auto copied = copy_some(connection, {&number, 1}, "", outlet); !copied) {
      connection.roll_back();
      return std::unexpected(copied.error());
    }
    outlet.flush();
    std::ranges::sort(found->prices);
  }
  const Statement proof{proving_write};
  if (auto proven = connection.commit({&proof, 1}); !proven) return fail(Failure::unavailable, proven.error().message);
  return found;
}

}  // namespace ratebook::postgres
