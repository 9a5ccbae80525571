#include "sqlite/price_rows.hpp"

#include <fmt/format.h>

#include <limits>

namespace ratebook::sqlite {
namespace {

constexpr std::size_t span_prices_max = 8192;

Fault damaged(std::string what) {
  return {Failure::damaged, std::move(what) + "; `ratebook check` says what else is wrong with the file"};
}

bool is_price(std::int64_t orig, std::int64_t dest, std::int64_t day, std::int64_t cents) {
  constexpr std::int64_t port_end = std::int64_t{std::numeric_limits<PortNumber>::max()} + 1;
  return orig >= 0 && orig < port_end && dest >= 0 && dest < port_end && day >= day_min.since_1970 &&
         day <= day_max.since_1970 && cents >= 1 && cents <= cents_max.value;
}

/// Chunks that stand side by side, from `at` on; moves `at` past them.
void scan_neighbours(Connection& db, std::span<const ChunkRows> chunks, std::size_t& at, Outlet& outlet) {
  const std::size_t first = at;
  while (at + 1 < chunks.size() && chunks[at].end() == chunks[at + 1].first) ++at;
  const std::int64_t end = chunks[at++].end();
  Query row{db, scan_sql, chunks[first].first, end - 1};
  for (const ChunkRows& chunk : chunks.subspan(first, at - first)) {
    for (std::int64_t left = chunk.count; left > 0; --left) {
      if (!row.next()) return outlet.lack_rows();
      const auto price = outlet.read(row);
      if (!price) return;
      outlet.add(*price);
    }
    outlet.end_whole_chunk(chunk);
    if (outlet.stopped()) return;
  }
}

}  // namespace

Result<ChunkRows> read_chunk(const Query& row, int at) {
  ChunkRows chunk{.first = row.integer(at),
                  .count = row.integer(at + 1),
                  .first_day = Day{row.integer_as<std::int32_t>(at + 2)},
                  .last_day = Day{row.integer_as<std::int32_t>(at + 3)},
                  .checksum = {}};
  if (!row.is_null(at + 4)) chunk.checksum = row.integer(at + 4);
  if (chunk.first >= 0 && chunk.first <= INT64_MAX / 2 && chunk.count >= 0 &&
      chunk.count <= static_cast<std::int64_t>(chunk_prices_max)) {
    return chunk;
  }
  return std::unexpected(damaged(fmt::format("a marker names {} prices from row {} on", chunk.count, chunk.first)));
}

Outlet::Outlet(const store::PriceSink& sink) : sink_(sink) { buffer_.reserve(span_prices_max); }

std::optional<NumberedPrice> Outlet::read(const Query& row) {
  const std::int64_t orig = row.integer(0);
  const std::int64_t dest = row.integer(1);
  const std::int64_t day = row.integer(2);
  const std::int64_t cents = row.integer(3);
  if (!is_price(orig, dest, day, cents)) return damage();
  const NumberedPrice price{.orig = static_cast<PortNumber>(orig),
                            .dest = static_cast<PortNumber>(dest),
                            .day = Day{static_cast<std::int32_t>(day)},
                            .amount = Cents{static_cast<std::uint32_t>(cents)}};
  if (price < last_) return damage();
  last_ = price;
  return price;
}

void Outlet::end_chunk() {
  flush();
  last_ = {};
  checksum_.restart();
}

void Outlet::end_whole_chunk(const ChunkRows& chunk) {
  flush();
  if (!stopped() && chunk.checksum.value_or(checksum_.value()) != checksum_.value()) {
    fault_ = damaged("prices are not those that their marker sums up");
  }
  end_chunk();
}

void Outlet::lack_rows() { fault_ = damaged("rows of prices are missing that a marker names"); }

Result<void> Outlet::result(Connection& db) {
  if (fault_) return std::unexpected(*std::move(fault_));
  return db.result();
}

void Outlet::flush() {
  checksum_.add(buffer_);
  if (!buffer_.empty() && !stopped()) stopped_ = !sink_(buffer_);
  buffer_.clear();
}

std::nullopt_t Outlet::damage() {
  fault_ = damaged("a row of prices is out of range or out of order");
  return std::nullopt;
}

void scan_all(Connection& db, std::span<const ChunkRows> chunks, Outlet& outlet) {
  for (std::size_t at = 0; at < chunks.size() && !outlet.stopped() && !db.failed();) {
    scan_neighbours(db, chunks, at, outlet);
  }
}

}  // namespace ratebook::sqlite
