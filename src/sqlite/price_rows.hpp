// The rows of chunks, as markers name them, read and checked: what stands in a file comes from outside.
#pragma once
#include <algorithm>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "sqlite/connection.hpp"
#include "sqlite/price_checksum.hpp"
#include "store/store.hpp"

namespace ratebook::sqlite {

/// Rows [first, first + count), contiguous and sorted.
struct ChunkRows {
  std::int64_t first = 0;
  std::int64_t count = 0;
  Day first_day;
  Day last_day;
  std::optional<std::int64_t> checksum;  ///< nullopt: staged by a release that made none

  std::int64_t end() const { return first + count; }
};

/// The columns of `marker` that read_chunk() takes, in its order.
inline constexpr std::string_view chunk_columns =
    "marker.first_row, marker.price_count, marker.first_day, marker.last_day, marker.checksum";

/// From the row that `row` stands on, its chunk_columns from column `at` on. Failure::damaged: a marker cannot say
/// that.
Result<ChunkRows> read_chunk(const Query& row, int at = 0);

/// Sorted by rows. `sql` selects chunk_columns alone.
template <class... Values>
Result<std::vector<ChunkRows>> read_chunks(Connection& db, std::string_view sql, const Values&... values) {
  std::vector<ChunkRows> chunks;
  Query row{db, sql, values...};
  while (row.next()) {
    const auto chunk = read_chunk(row);
    if (!chunk) return std::unexpected(chunk.error());
    chunks.push_back(*chunk);
  }
  std::ranges::sort(chunks, {}, &ChunkRows::first);
  return chunks;
}

/// Statements that read prices select these columns, in this order.
inline constexpr std::string_view scan_sql = "SELECT orig, dest, day, cents FROM price WHERE row BETWEEN ? AND ?";

/// Checks prices and hands them on, some thousands at a time. A damaged row must not become a wrong rate.
class Outlet {
 public:
  explicit Outlet(const store::PriceSink& sink);

  /// The row that `row` stands on, of a chunk's; nullopt: it is no price, or not in order, and all stops.
  std::optional<NumberedPrice> read(const Query& row);
  void add(const NumberedPrice& price) {
    buffer_.push_back(price);
    if (buffer_.size() == buffer_.capacity()) flush();
  }
  /// Call after each chunk: order ends there.
  void end_chunk();
  /// The same, where all its prices were added: they must be those that were staged.
  void end_whole_chunk(const ChunkRows& chunk);
  void lack_rows();
  bool stopped() const { return stopped_ || fault_; }
  Result<void> result(Connection& db);

 private:
  void flush();
  std::nullopt_t damage();

  const store::PriceSink& sink_;
  std::vector<NumberedPrice> buffer_;
  NumberedPrice last_;
  PriceChecksum checksum_;
  bool stopped_ = false;
  std::optional<Fault> fault_;
};

/// All rows of chunks that are sorted by rows: one statement runs over many that stand side by side.
void scan_all(Connection& db, std::span<const ChunkRows> chunks, Outlet& outlet);

}  // namespace ratebook::sqlite
