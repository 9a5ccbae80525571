// Rates from a book, four ways: a single route is read off as it stands; a wide pair of regions from its sums; any
// other pair, and extremes, by walking the routes; percentiles by gathering the amounts of some days at a time.
#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "book/book.hpp"
#include "book/parts.hpp"
#include "book/percentile.hpp"
#include "book/route_walk.hpp"
#include "model/radix_sort.hpp"
#include "model/turns.hpp"

namespace ratebook::book {
namespace {

/// Amounts gathered at once: 8 MiB, about what stays in the caches.
constexpr std::uint64_t gathered_max = 2 << 20;

Day to_day(std::uint32_t day) { return Day{static_cast<std::int32_t>(day)}; }

struct DayTotal {
  std::uint64_t count = 0;
  std::uint64_t sum_cents = 0;
  std::uint32_t min = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t max = 0;

  /// `amounts` ascend.
  void add(std::span<const std::uint32_t> amounts) {
    count += amounts.size();
    for (const std::uint32_t amount : amounts) sum_cents += amount;
    min = std::min(min, amounts.front());
    max = std::max(max, amounts.back());
  }

  DayRate rate(std::uint32_t day, bool extremes) const {
    return {.day = to_day(day),
            .count = count,
            .sum_cents = sum_cents,
            .min = Cents{extremes ? min : 0},
            .max = Cents{extremes ? max : 0},
            .percentiles = {}};
  }
};

/// The one DayRate of amounts that ascend.
DayRate rate_of_sorted(std::uint32_t day, std::span<const std::uint32_t> amounts, const RateQuery& query) {
  DayTotal total;
  total.add(amounts);
  DayRate rate = total.rate(day, query.extremes);
  rate.percentiles.reserve(query.percentiles.size());
  for (const double p : query.percentiles) rate.percentiles.push_back(percentile_of_sorted(amounts, p));
  return rate;
}

/// Cells of one route come in order of day, and the parts of a day in order of amount: nothing is to be sorted.
std::vector<DayRate> rates_of_route(const Route& route, Days days, const RateQuery& query) {
  std::vector<DayRate> rates;
  std::vector<std::uint32_t> joined;  // a day that goes on in the next leaf
  std::uint32_t day = 0;
  std::span<const std::uint32_t> amounts;
  const auto finish_day = [&] {
    if (!amounts.empty()) rates.push_back(rate_of_sorted(day, amounts, query));
  };
  walk_route(route, days, [&](std::uint32_t next_day, std::span<const std::uint32_t> cell) {
    if (next_day == day && !amounts.empty()) {
      if (joined.empty()) joined.assign(amounts.begin(), amounts.end());
      joined.insert(joined.end(), cell.begin(), cell.end());
      amounts = joined;
      return;
    }
    finish_day();
    joined.clear();
    day = next_day;
    amounts = cell;
  });
  finish_day();
  return rates;
}

/// The same of a route that stands in several trees.
std::vector<DayRate> rates_of_routes(std::span<const Route* const> routes, Days days, const RateQuery& query) {
  std::vector<std::pair<std::uint32_t, std::span<const std::uint32_t>>> cells;
  for (const Route* route : routes) {
    walk_route(*route, days,
               [&](std::uint32_t day, std::span<const std::uint32_t> cell) { cells.emplace_back(day, cell); });
  }
  std::ranges::sort(cells, {}, [](const auto& cell) { return cell.first; });
  std::vector<DayRate> rates;
  std::vector<std::uint32_t> amounts;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto& [day, cell] = cells[i];
    amounts.insert(amounts.end(), cell.begin(), cell.end());
    if (i + 1 < cells.size() && cells[i + 1].first == day) continue;
    std::ranges::sort(amounts);
    rates.push_back(rate_of_sorted(day, amounts, query));
    amounts.clear();
  }
  return rates;
}

std::vector<DayTotal> totals_from_sums(const DaySums* sums, Days days) {
  std::vector<DayTotal> totals(days.count());
  for (std::size_t i = 0; sums && i < sums->size(); ++i) {
    const std::uint32_t chunk_day = sums->keys()[i] * sum_chunk_days;
    const std::uint32_t begin = std::max(days.first, chunk_day);
    const std::uint32_t end = std::min(days.last, chunk_day + sum_chunk_days - 1) + 1;
    for (std::uint32_t day = begin; day < end; ++day) {
      totals[day - days.first].count = sums->children()[i]->counts[day - chunk_day];
      totals[day - days.first].sum_cents = sums->children()[i]->sum_cents[day - chunk_day];
    }
  }
  return totals;
}

std::vector<DayTotal> totals_from_routes(std::span<const TreePart> trees, const RoutePorts& ports, Days days) {
  std::vector<DayTotal> totals(days.count());
  walk_leaves(trees, ports, days, [&](const LeafPart& part) {
    for (std::size_t i = part.begin; i < part.end; ++i) totals[part.leaf->day(i) - days.first].add(part.leaf->cell(i));
  });
  return totals;
}

/// Copies as many amounts at once as most cells have, and cuts off what is too much: no loop of unknown length.
/// Writes up to copied_at_once behind what it returns, the end of the copy.
constexpr std::size_t copied_at_once = 8;
std::uint32_t* copy_cell(const Leaf& leaf, std::size_t cell, std::uint32_t* out) {
  const std::size_t begin = leaf.cell_begin(cell);
  const std::size_t count = leaf.cell_end(cell) - begin;
  const std::span<const std::uint32_t> behind = leaf.amounts().subspan(begin);
  if (count > copied_at_once || behind.size() < copied_at_once) {
    return std::ranges::copy(behind.first(count), out).out;
  }
  std::memcpy(out, behind.data(), copied_at_once * sizeof(*out));
  return out + count;
}

/// Percentiles of `rates`, all of which lie in `days`.
void add_percentiles(std::span<const TreePart> trees, const RoutePorts& ports, Days days, std::span<DayRate> rates,
                     std::uint64_t amount_count, PercentileSelector& selector) {
  const auto amounts = std::make_unique_for_overwrite<std::uint32_t[]>(amount_count + rates.size() * copied_at_once);
  std::vector<std::uint32_t*> ends(days.count());  // where the next amount of a day goes
  std::uint32_t* begin = amounts.get();
  for (const DayRate& rate : rates) {
    ends[static_cast<std::uint32_t>(rate.day.since_1970) - days.first] = begin;
    begin += rate.count + copied_at_once;
  }
  walk_leaves(trees, ports, days, [&](const LeafPart& part) {
    for (std::size_t i = part.begin; i < part.end; ++i) {
      std::uint32_t*& end = ends[part.leaf->day(i) - days.first];
      end = copy_cell(*part.leaf, i, end);
    }
  });
  begin = amounts.get();
  for (DayRate& rate : rates) {
    let_others_run();
    rate.percentiles = selector.select({begin, rate.count});
    begin += rate.count + copied_at_once;
  }
}

/// In blocks of days, so that a query over years gathers a bounded number of amounts at once.
void add_percentiles(std::span<const TreePart> trees, const RoutePorts& ports, std::span<DayRate> rates,
                     std::span<const double> percentiles) {
  PercentileSelector selector(percentiles);
  while (!rates.empty()) {
    std::size_t day_count = 0;
    std::uint64_t amount_count = 0;
    do amount_count += rates[day_count++].count;
    while (day_count < rates.size() && amount_count + rates[day_count].count <= gathered_max);
    const Days days{static_cast<std::uint32_t>(rates.front().day.since_1970),
                    static_cast<std::uint32_t>(rates[day_count - 1].day.since_1970)};
    add_percentiles(trees, ports, days, rates.first(day_count), amount_count, selector);
    rates = rates.subspan(day_count);
  }
}

/// The sums of the query's places, if they are kept.
const DaySums* const* find_sums(const Sums& sums, const RateQuery& query) {
  if (query.orig.kind != PlaceNumber::Kind::region || query.dest.kind != PlaceNumber::Kind::region) return nullptr;
  const auto number = sums.pairs->find(query.orig.number, query.dest.number);
  return number ? &sums.days[*number] : nullptr;
}

/// Between two ports.
const Route* find_route(const Origins& origins, const RateQuery& query) {
  const Origin* origin = origins.find(query.orig.number);
  return origin ? origin->find(query.dest.number) : nullptr;
}

std::vector<DayRate> rates_of_pair(const Book::Parts& parts, Days days, const RateQuery& query) {
  const std::vector<TreePart> trees = parts.trees();
  const DaySums* const* sums = query.extremes ? nullptr : find_sums(parts.sums(), query);
  const RoutePorts ports(*parts.places, query);
  const std::vector<DayTotal> totals = sums ? totals_from_sums(*sums, days) : totals_from_routes(trees, ports, days);
  std::vector<DayRate> rates;
  for (std::uint32_t i = 0; i < totals.size(); ++i) {
    if (totals[i].count > 0) rates.push_back(totals[i].rate(days.first + i, query.extremes));
  }
  if (!query.percentiles.empty()) add_percentiles(trees, ports, rates, query.percentiles);
  return rates;
}

}  // namespace

std::vector<DayRate> Book::rates(const RateQuery& query) const {
  const auto book_days = first_and_last_day(parts_->sums().days[sums_of_all]);
  if (!book_days || query.to < query.from || query.to < day_min) return {};
  const Days days{std::max(book_days->first, static_cast<std::uint32_t>(std::max(query.from, day_min).since_1970)),
                  std::min(book_days->second, static_cast<std::uint32_t>(query.to.since_1970))};
  if (days.last < days.first) return {};
  if (query.orig.kind != PlaceNumber::Kind::port || query.dest.kind != PlaceNumber::Kind::port) {
    return rates_of_pair(*parts_, days, query);
  }
  if (parts_->beside.empty()) {
    const Route* route = find_route(*parts_->tree().origins, query);
    return route ? rates_of_route(*route, days, query) : std::vector<DayRate>{};
  }
  std::vector<const Route*> routes;
  for (const TreePart& tree : parts_->trees()) {
    if (route_id(query.orig.number, query.dest.number) < tree.first_route) continue;
    if (const Route* route = find_route(*tree.origins, query)) routes.push_back(route);
  }
  return rates_of_routes(routes, days, query);
}

std::vector<DayRate> rates_of(const std::vector<NumberedPrice>& prices, const RateQuery& query) {
  std::vector<Item> items;
  items.reserve(prices.size());
  for (const NumberedPrice& price : prices) items.push_back(make_item(price.day, price.amount));
  std::vector<Item> scratch;
  radix_sort(std::span(items), scratch);
  std::vector<DayRate> rates;
  std::vector<std::uint32_t> amounts;
  for (std::size_t i = 0; i < items.size(); ++i) {
    amounts.push_back(item_cents(items[i]));
    if (i + 1 < items.size() && item_day(items[i + 1]) == item_day(items[i])) continue;
    rates.push_back(rate_of_sorted(item_day(items[i]), amounts, query));
    amounts.clear();
  }
  return rates;
}

}  // namespace ratebook::book
