// Percentiles of amounts by selection, without sorting them all.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace ratebook::book {

/// percentile_cont of PostgreSQL over ascending values: at position p * (n - 1), between two values interpolated
/// linearly. n > 0, 0 <= p <= 1.
double percentile_of_sorted(std::span<const std::uint32_t> sorted, double p);

/// The same for values in any order, several percentiles at once, in the order asked. One for many calls: it keeps its
/// buffers.
class PercentileSelector {
 public:
  explicit PercentileSelector(std::span<const double> percentiles) : percentiles_(percentiles) {}
  /// At least one value; their order is lost.
  std::vector<double> select(std::span<std::uint32_t> values);

 private:
  void find_ranks(std::size_t count);
  void select_by_buckets(std::span<const std::uint32_t> values);

  std::span<const double> percentiles_;
  std::vector<std::size_t> ranks_;            ///< wanted, ascending, each once
  std::vector<std::uint32_t> value_of_rank_;  ///< beside ranks_
  std::vector<std::uint32_t> bucket_counts_;
  std::vector<std::uint32_t> group_of_bucket_;
  std::vector<std::vector<std::uint32_t>> groups_;  ///< the values of a bucket that has a wanted rank
};

}  // namespace ratebook::book
