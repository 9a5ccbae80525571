#include "sqlite/price_search.hpp"

#include <algorithm>
#include <limits>

namespace ratebook::sqlite {
namespace {

/// So many rows that do not match are read past before a search, which costs as much as some dozens.
constexpr int rows_before_search = 64;

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
  Search(Connection& db, const Matcher& matcher, ChunkRows chunk, Outlet& outlet)
      : db_(db), matcher_(matcher), chunk_(chunk), outlet_(outlet) {}

  void run() {
    std::int64_t row = chunk_.first;
    for (auto wanted = matcher_.next(Key{}); wanted && row < chunk_.end() && !outlet_.stopped() && !db_.failed();) {
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
    while (low + step < chunk_.end() && is_before(low + step - 1, key)) {
      low += step;
      step *= 2;
    }
    std::int64_t high = std::min(low + step, chunk_.end());
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
    Query rows{db_, scan_sql, row, chunk_.end() - 1};
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
  ChunkRows chunk_;
  Outlet& outlet_;
};

}  // namespace

void scan_matching(Connection& db, std::span<const ChunkRows> chunks, const store::PriceFilter& filter,
                   Outlet& outlet) {
  const Matcher matcher{filter};
  for (const ChunkRows& chunk : chunks) {
    if (outlet.stopped() || db.failed()) return;
    if (chunk.count == 0 || chunk.last_day < filter.from || chunk.first_day > filter.to) continue;
    Search{db, matcher, chunk, outlet}.run();
    outlet.end_chunk();
  }
}

}  // namespace ratebook::sqlite
