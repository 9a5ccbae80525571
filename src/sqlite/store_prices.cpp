// Prices on their way out. A chunk's rows are contiguous and sorted, so a chunk is its own index:
//
//   all of it      one statement runs over many chunks that stand side by side
//   some routes    by row number: search for the first row that may match, read on, search for the next
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <tuple>

#include "sqlite/sqlite_store.hpp"

namespace ratebook::sqlite {
namespace {

constexpr std::size_t span_prices_max = 8192;
/// So many rows that do not match are read past before a search, which costs as much as some dozens.
constexpr int rows_before_search = 64;

/// A chunk's rows: [first, first + count).
struct Range {
  std::int64_t first = 0;
  std::int64_t count = 0;
  Day first_day;
  Day last_day;

  std::int64_t end() const { return first + count; }
};

/// What is read of a file is checked as what comes from outside: a damaged row must not become a wrong rate.
Fault damaged(std::string what) {
  return {Failure::damaged, std::move(what) + "; `ratebook check` says what else is wrong with the file"};
}

std::optional<Fault> check(const Range& range) {
  if (range.first >= 0 && range.first <= INT64_MAX / 2 && range.count >= 0 &&
      range.count <= static_cast<std::int64_t>(chunk_prices_max)) {
    return std::nullopt;
  }
  return damaged(fmt::format("a marker names {} prices from row {} on", range.count, range.first));
}

template <class... Values>
Result<std::vector<Range>> read_ranges(Connection& db, std::string_view sql, const Values&... values) {
  std::vector<Range> ranges;
  Query row{db, sql, values...};
  while (row.next()) {
    ranges.push_back({.first = row.integer(0),
                      .count = row.integer(1),
                      .first_day = Day{row.integer_as<std::int32_t>(2)},
                      .last_day = Day{row.integer_as<std::int32_t>(3)}});
    if (auto wrong = check(ranges.back())) return std::unexpected(*std::move(wrong));
  }
  std::ranges::sort(ranges, {}, &Range::first);
  return ranges;
}

bool is_price(std::int64_t orig, std::int64_t dest, std::int64_t day, std::int64_t cents) {
  constexpr std::int64_t port_end = std::int64_t{std::numeric_limits<PortNumber>::max()} + 1;
  return orig >= 0 && orig < port_end && dest >= 0 && dest < port_end && day >= day_min.since_1970 &&
         day <= day_max.since_1970 && cents >= 1 && cents <= cents_max.value;
}

constexpr std::string_view scan_sql = "SELECT orig, dest, day, cents FROM price WHERE row BETWEEN ? AND ?";

/// Collects prices and hands them on, some thousands at a time.
class Outlet {
 public:
  explicit Outlet(const store::PriceSink& sink) : sink_(sink) { buffer_.reserve(span_prices_max); }

  /// The row that `row` stands on, of a chunk's; nullopt: it is no price, or not in order, and all stops.
  std::optional<NumberedPrice> read(const Query& row) {
    if (!is_price(row.integer(0), row.integer(1), row.integer(2), row.integer(3))) return damage();
    const NumberedPrice price{.orig = row.integer_as<PortNumber>(0),
                              .dest = row.integer_as<PortNumber>(1),
                              .day = Day{row.integer_as<std::int32_t>(2)},
                              .amount = Cents{row.integer_as<std::uint32_t>(3)}};
    if (price < last_) return damage();
    last_ = price;
    return price;
  }
  void add(const NumberedPrice& price) {
    buffer_.push_back(price);
    if (buffer_.size() == span_prices_max) flush();
  }
  /// Call after each chunk: order ends there.
  void end_chunk() {
    flush();
    last_ = {};
  }
  void lack_rows() { fault_ = damaged("rows of prices are missing that a marker names"); }
  bool stopped() const { return stopped_ || fault_; }
  Result<void> result(Connection& db) {
    if (fault_) return std::unexpected(*std::move(fault_));
    return db.result();
  }

 private:
  void flush() {
    if (!buffer_.empty() && !stopped()) stopped_ = !sink_(buffer_);
    buffer_.clear();
  }
  std::nullopt_t damage() {
    fault_ = damaged("a row of prices is out of range or out of order");
    return std::nullopt;
  }

  const store::PriceSink& sink_;
  std::vector<NumberedPrice> buffer_;
  NumberedPrice last_;
  bool stopped_ = false;
  std::optional<Fault> fault_;
};

/// Chunks that stand side by side, from `at` on; moves `at` past them.
void scan_neighbours(Connection& db, std::span<const Range> ranges, std::size_t& at, Outlet& outlet) {
  const std::size_t first = at;
  while (at + 1 < ranges.size() && ranges[at].end() == ranges[at + 1].first) ++at;
  const std::int64_t end = ranges[at++].end();
  Query row{db, scan_sql, ranges[first].first, end - 1};
  for (std::size_t i = first; i < at; ++i) {
    for (std::int64_t left = ranges[i].count; left > 0; --left) {
      if (!row.next()) return outlet.lack_rows();
      const auto price = outlet.read(row);
      if (!price) return;
      outlet.add(*price);
    }
    outlet.end_chunk();
    if (outlet.stopped()) return;
  }
}

void scan_all(Connection& db, std::span<const Range> ranges, Outlet& outlet) {
  for (std::size_t at = 0; at < ranges.size() && !outlet.stopped() && !db.failed();) {
    scan_neighbours(db, ranges, at, outlet);
  }
}

/// What prices are ordered by, but for the amount.
struct Key {
  PortNumber orig = 0;
  PortNumber dest = 0;
  Day day;

  auto operator<=>(const Key&) const = default;
};

/// The filter as an order: from any key to the next that matches.
class Matcher {
 public:
  explicit Matcher(const store::PriceFilter& filter) : filter_(filter) {}

  /// The least matching key that is not before `key`; nullopt: there is none.
  std::optional<Key> next(Key key) const {
    const auto orig = next_port(filter_.origs, key.orig);
    if (!orig) return std::nullopt;
    if (*orig != key.orig) return first_of(*orig);
    const auto dest = next_port(filter_.dests, key.dest);
    if (!dest) return after_orig(key.orig);
    if (*dest != key.dest || key.day < filter_.from) return Key{key.orig, *dest, filter_.from};
    if (key.day <= filter_.to) return key;
    const auto later = key.dest == port_max ? std::nullopt : next_port(filter_.dests, key.dest + 1);
    return later ? Key{key.orig, *later, filter_.from} : after_orig(key.orig);
  }

 private:
  static constexpr PortNumber port_max = std::numeric_limits<PortNumber>::max();

  static std::optional<PortNumber> next_port(const std::vector<PortNumber>& ports, PortNumber from) {
    if (ports.empty()) return from;
    const auto found = std::ranges::lower_bound(ports, from);
    return found == ports.end() ? std::nullopt : std::optional{*found};
  }
  std::optional<Key> after_orig(PortNumber orig) const {
    const auto later = orig == port_max ? std::nullopt : next_port(filter_.origs, orig + 1);
    return later ? first_of(*later) : std::nullopt;
  }
  std::optional<Key> first_of(PortNumber orig) const {
    return Key{orig, filter_.dests.empty() ? 0 : filter_.dests.front(), filter_.from};
  }

  const store::PriceFilter& filter_;
};

/// Searches one chunk by row numbers.
class Search {
 public:
  Search(Connection& db, const Matcher& matcher, Range range, Outlet& outlet)
      : db_(db), matcher_(matcher), range_(range), outlet_(outlet) {}

  void run() {
    std::int64_t row = range_.first;
    for (auto wanted = matcher_.next(Key{}); wanted && row < range_.end() && !outlet_.stopped() && !db_.failed();) {
      row = first_not_before(*wanted, row);
      wanted = read_from(row);
    }
  }

 private:
  bool is_before(std::int64_t row, const Key& key) {
    Query probe{db_, "SELECT orig, dest, day FROM price WHERE row = ?", row};
    return probe.next() && Key{probe.integer_as<PortNumber>(0), probe.integer_as<PortNumber>(1),
                               Day{probe.integer_as<std::int32_t>(2)}} < key;
  }

  /// Ever larger steps from `low` on, then halves: what is near is found quickly.
  std::int64_t first_not_before(const Key& key, std::int64_t low) {
    std::int64_t step = 1;
    while (low + step < range_.end() && is_before(low + step - 1, key)) {
      low += step;
      step *= 2;
    }
    std::int64_t high = std::min(low + step, range_.end());
    while (low < high) {
      const std::int64_t middle = low + (high - low) / 2;
      if (is_before(middle, key)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  /// Reads on from `row` while it is worth it; moves `row` past what was read. The key to search for next, or nullopt.
  std::optional<Key> read_from(std::int64_t& row) {
    Query rows{db_, scan_sql, row, range_.end() - 1};
    int missed = 0;
    std::optional<Key> wanted;
    while (missed < rows_before_search && !outlet_.stopped()) {
      if (!rows.next()) return std::nullopt;
      ++row;
      const auto price = outlet_.read(rows);
      if (!price) return std::nullopt;
      const Key key{price->orig, price->dest, price->day};
      wanted = matcher_.next(key);
      if (!wanted) return std::nullopt;
      missed = *wanted == key ? 0 : missed + 1;
      if (*wanted == key) outlet_.add(*price);
    }
    return wanted;
  }

  Connection& db_;
  const Matcher& matcher_;
  Range range_;
  Outlet& outlet_;
};

void scan_matching(Connection& db, std::span<const Range> ranges, const store::PriceFilter& filter, Outlet& outlet) {
  const Matcher matcher{filter};
  for (const Range& range : ranges) {
    if (outlet.stopped() || db.failed()) return;
    if (range.count == 0 || range.last_day < filter.from || range.first_day > filter.to) continue;
    Search{db, matcher, range, outlet}.run();
    outlet.end_chunk();
  }
}

bool takes_all(const store::PriceFilter& filter) {
  return filter.origs.empty() && filter.dests.empty() && filter.from <= day_min && filter.to >= day_max;
}

}  // namespace

Result<void> SqliteStore::prices_of(const std::string& attempt, const store::PriceSink& sink) {
  auto lease = steps_.lease();
  if (!lease) return std::unexpected(lease.error());
  Connection& db = lease->db();
  const auto ranges =
      read_ranges(db, "SELECT first_row, price_count, first_day, last_day FROM marker WHERE attempt = ?", attempt);
  if (!ranges) return std::unexpected(ranges.error());
  Outlet outlet{sink};
  scan_all(db, *ranges, outlet);
  return outlet.result(db);
}

Result<void> SqliteStore::prices_at(Version at, const store::PriceFilter& filter, const store::PriceSink& sink) {
  auto lease = scans_.lease();
  if (!lease) return std::unexpected(lease.error());
  Connection& db = lease->db();
  const auto ranges =
      read_ranges(db,
                  "SELECT first_row, marker.price_count, first_day, last_day FROM batch "
                  "CROSS JOIN marker ON marker.attempt = batch.attempt WHERE batch.version BETWEEN 1 AND ?1 "
                  "AND (batch.retracted_version = 0 OR batch.retracted_version > ?1)",
                  static_cast<std::int64_t>(std::min<Version>(at, INT64_MAX)));
  if (!ranges) return std::unexpected(ranges.error());
  Outlet outlet{sink};
  if (takes_all(filter)) {
    scan_all(db, *ranges, outlet);
  } else {
    scan_matching(db, *ranges, filter, outlet);
  }
  return outlet.result(db);
}

Result<std::optional<store::VersionChunk>> SqliteStore::next_chunk(Version at, std::optional<store::ChunkName> after) {
  auto lease = scans_.lease();
  if (!lease) return std::unexpected(lease.error());
  Connection& db = lease->db();
  Query marker{db,
               "SELECT version.version, marker.chunk, marker.first_row, marker.price_count FROM version "
               "CROSS JOIN batch ON batch.sequence = version.batch CROSS JOIN marker ON marker.attempt = batch.attempt "
               "WHERE version.kind = 1 AND version.version BETWEEN ?2 AND ?1 "
               "AND (version.version > ?2 OR marker.chunk > ?3) "
               "AND (batch.retracted_version = 0 OR batch.retracted_version > ?1) "
               "ORDER BY version.version, marker.chunk LIMIT 1",
               static_cast<std::int64_t>(std::min<Version>(at, INT64_MAX)), after ? after->version : 0,
               after ? std::int64_t{after->chunk} : -1};
  if (!marker.next()) {
    if (auto read = db.result(); !read) return std::unexpected(read.error());
    return std::nullopt;
  }
  store::VersionChunk found{{marker.integer_as<Version>(0), marker.integer_as<std::uint32_t>(1)}, {}};
  const Range range{.first = marker.integer(2), .count = marker.integer(3), .first_day = {}, .last_day = {}};
  if (const auto wrong = check(range)) return std::unexpected(*wrong);
  const store::PriceSink sink = [&found](std::span<const NumberedPrice> prices) {
    found.prices.insert(found.prices.end(), prices.begin(), prices.end());
    return true;
  };
  Outlet outlet{sink};
  scan_all(db, {&range, 1}, outlet);
  if (auto read = outlet.result(db); !read) return std::unexpected(read.error());
  return found;
}

}  // namespace ratebook::sqlite
