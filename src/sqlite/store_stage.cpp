// The writer's claim, the ports' numbers, and prices on their way in: one append a chunk, many rows a statement.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "model/turns.hpp"
#include "sqlite/price_checksum.hpp"
#include "sqlite/sqlite_store.hpp"

namespace ratebook::sqlite {
namespace {

/// Measured: 64 and more rows a statement insert more than twice as fast as single ones, a virtual table over the span
/// a fifth faster still.
constexpr std::array<std::size_t, 3> rows_per_insert{100, 10, 1};

std::string insert_rows(std::size_t count) {
  std::string sql = "INSERT INTO price (orig, dest, day, cents) VALUES (?, ?, ?, ?)";
  for (std::size_t i = 1; i < count; ++i) sql += ", (?, ?, ?, ?)";
  return sql;
}

void bind_rows(Query& query, std::span<const NumberedPrice> prices) {
  int index = 0;
  for (const auto& price : prices) {
    query.bind(++index, price.orig);
    query.bind(++index, price.dest);
    query.bind(++index, price.day.since_1970);
    query.bind(++index, price.amount.value);
  }
}

void insert_prices(Connection& db, std::span<const NumberedPrice> prices) {
  static const std::array statements{insert_rows(rows_per_insert[0]), insert_rows(rows_per_insert[1]),
                                     insert_rows(rows_per_insert[2])};
  for (std::size_t i = 0; i < statements.size(); ++i) {
    const std::size_t count = rows_per_insert[i];
    if (prices.size() < count) continue;
    Query insert{db, statements[i]};
    for (; prices.size() >= count && !db.failed(); prices = prices.subspan(count)) {
      let_others_run();
      bind_rows(insert, prices.first(count));
      insert.next();
      insert.rewind();
    }
  }
}

void insert_marker(Connection& db, const store::StageRequest& request) {
  const auto count = static_cast<std::int64_t>(request.prices.size());
  std::int64_t first_row = 0;
  Day first_day = day_min;
  Day last_day = day_min;
  if (count > 0) {
    first_row = db.last_row() - count + 1;
    const auto [least, most] = std::ranges::minmax(request.prices, {}, &NumberedPrice::day);
    first_day = least.day;
    last_day = most.day;
  }
  PriceChecksum checksum;
  checksum.add(request.prices);
  db.run("INSERT INTO marker VALUES (?, ?, ?, ?, ?, ?, ?)", request.attempt, request.chunk, count, first_row,
         first_day.since_1970, last_day.since_1970, checksum.value());
}

}  // namespace

Result<store::Claim> SqliteStore::claim(std::uint32_t partition) {
  if (partition >= partition_count_) return fail(Failure::refused, fmt::format("no partition {}", partition));
  WriteSide::Turn turn{side_};
  if (auto begun = turn.begin(); !begun) return std::unexpected(begun.error());
  store::Claim claim;
  {
    Query raised{turn.db(),
                 "UPDATE log_partition SET epoch = epoch + 1 WHERE partition = ? "
                 "RETURNING epoch, position_offset, position_digest",
                 partition};
    if (raised.next()) {
      claim = {.epoch = raised.integer_as<std::uint64_t>(0),
               .position = {.offset = raised.integer(1), .digest = raised.digest(2)}};
    }
    raised.next();
  }
  if (auto checked = turn.check(); !checked) return std::unexpected(checked.error());
  if (auto committed = turn.commit(); !committed) return std::unexpected(committed.error());
  turn.set_claim(partition, claim.epoch);
  return claim;
}

Result<std::vector<PortNumber>> SqliteStore::number_ports(std::span<const PortCode> codes) {
  WriteSide::Turn turn{side_};
  Connection& db = turn.db();
  std::vector<PortNumber> numbers;
  numbers.reserve(codes.size());
  for (const PortCode code : codes) {
    if (db.failed()) break;
    {
      Query known{db, "SELECT number FROM port WHERE code = ?", code.view()};
      if (known.next()) {
        numbers.push_back(known.integer_as<PortNumber>(0));
        continue;
      }
    }
    if (auto begun = turn.begin(); !begun) return std::unexpected(begun.error());
    db.run("INSERT INTO port SELECT coalesce(max(number) + 1, 0), ? FROM port", code.view());
    turn.note_written(0);
    numbers.push_back(static_cast<PortNumber>(db.last_row()));
  }
  if (auto checked = turn.check(); !checked) return std::unexpected(checked.error());
  return numbers;
}

Result<void> SqliteStore::stage(const store::StageRequest& request) {
  if (!std::ranges::is_sorted(request.prices)) return fail(Failure::refused, "a chunk's prices are not sorted");
  WriteSide::Turn turn{side_};
  Connection& db = turn.db();
  if (!turn.holds(request.partition, request.epoch)) return fail(Failure::lost, "the partition's epoch is another");
  bool is_there = false;
  {
    Query marker{db, "SELECT 1 FROM marker WHERE attempt = ? AND chunk = ?", request.attempt, request.chunk};
    is_there = marker.next();
  }
  if (auto checked = turn.check(); !checked || is_there) return checked;
  if (auto begun = turn.begin(); !begun) return begun;
  insert_prices(db, request.prices);
  insert_marker(db, request);
  if (auto checked = turn.check(); !checked) return checked;
  meters_.prices_staged += request.prices.size();
  return turn.note_written(request.prices.size()) ? turn.commit() : Result<void>{};
}

}  // namespace ratebook::sqlite
