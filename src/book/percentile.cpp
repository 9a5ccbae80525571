#include "book/percentile.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace ratebook::book {
namespace {

constexpr int bucket_bits_max = 11;  ///< what fits into the first cache
/// Below this the buckets cost more than they save.
constexpr std::size_t bucket_values_min = 96;
constexpr std::uint32_t no_group = UINT32_MAX;

struct Between {
  std::size_t low = 0;
  std::size_t high = 0;
  double fraction = 0;
};

Between position(double p, std::size_t count) {
  const double at = std::clamp(p, 0.0, 1.0) * static_cast<double>(count - 1);
  const double low = std::floor(at);
  return {static_cast<std::size_t>(low), static_cast<std::size_t>(std::ceil(at)), at - low};
}

double interpolate(const Between& between, std::uint32_t low, std::uint32_t high) {
  return low + between.fraction * (static_cast<double>(high) - low);
}

/// Puts the values of ascending `ranks` (minus `first`) into `out`.
void select_ranks(std::span<std::uint32_t> values, std::span<const std::size_t> ranks, std::size_t first,
                  std::uint32_t* out) {
  auto begin = values.begin();
  for (const std::size_t rank : ranks) {
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(rank - first);
    std::ranges::nth_element(begin, at, values.end());
    *out++ = *at;
    begin = at;  // what stands behind it is not smaller
  }
}

}  // namespace

double percentile_of_sorted(std::span<const std::uint32_t> sorted, double p) {
  const Between between = position(p, sorted.size());
  return interpolate(between, sorted[between.low], sorted[between.high]);
}

void PercentileSelector::find_ranks(std::size_t count) {
  ranks_.clear();
  for (const double p : percentiles_) {
    const Between between = position(p, count);
    ranks_.push_back(between.low);
    ranks_.push_back(between.high);
  }
  std::ranges::sort(ranks_);
  ranks_.erase(std::unique(ranks_.begin(), ranks_.end()), ranks_.end());
  value_of_rank_.resize(ranks_.size());
}

/// Counts the values in equal buckets between the least and the greatest, keeps those of the buckets in which a wanted
/// rank falls, and selects among them.
void PercentileSelector::select_by_buckets(std::span<const std::uint32_t> values) {
  const auto [least, greatest] = std::ranges::minmax(values);
  const int bucket_bits = std::min(bucket_bits_max, static_cast<int>(std::bit_width(values.size())));
  const std::uint32_t bucket_count = 1u << bucket_bits;
  const int shift = std::max(0, static_cast<int>(std::bit_width(greatest - least)) - bucket_bits);
  const auto bucket_of = [least, shift](std::uint32_t value) { return (value - least) >> shift; };
  bucket_counts_.assign(bucket_count, 0);
  for (const std::uint32_t value : values) ++bucket_counts_[bucket_of(value)];

  struct Part {
    std::size_t first_rank;  ///< index into ranks_
    std::size_t rank_count;
    std::size_t values_before;  ///< the bucket
  };
  std::vector<Part> parts;
  group_of_bucket_.assign(bucket_count, no_group);
  std::size_t before = 0;
  std::size_t rank = 0;
  for (std::uint32_t bucket = 0; bucket < bucket_count && rank < ranks_.size(); ++bucket) {
    const std::size_t behind = before + bucket_counts_[bucket];
    if (ranks_[rank] < behind) {
      group_of_bucket_[bucket] = static_cast<std::uint32_t>(parts.size());
      parts.push_back({rank, 0, before});
      for (; rank < ranks_.size() && ranks_[rank] < behind; ++rank) ++parts.back().rank_count;
    }
    before = behind;
  }
  if (groups_.size() < parts.size()) groups_.resize(parts.size());
  for (auto& group : groups_) group.clear();
  for (const std::uint32_t value : values) {
    const std::uint32_t group = group_of_bucket_[bucket_of(value)];
    if (group != no_group) groups_[group].push_back(value);
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Part& part = parts[i];
    select_ranks(groups_[i], std::span(ranks_).subspan(part.first_rank, part.rank_count), part.values_before,
                 value_of_rank_.data() + part.first_rank);
  }
}

std::vector<double> PercentileSelector::select(std::span<std::uint32_t> values) {
  find_ranks(values.size());
  if (values.size() < bucket_values_min) {
    select_ranks(values, ranks_, 0, value_of_rank_.data());
  } else {
    select_by_buckets(values);
  }
  const auto value_at = [this](std::size_t rank) {
    return value_of_rank_[static_cast<std::size_t>(std::ranges::lower_bound(ranks_, rank) - ranks_.begin())];
  };
  std::vector<double> selected;
  selected.reserve(percentiles_.size());
  for (const double p : percentiles_) {
    const Between between = position(p, values.size());
    selected.push_back(interpolate(between, value_at(between.low), value_at(between.high)));
  }
  return selected;
}

}  // namespace ratebook::book
