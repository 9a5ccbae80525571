#include "cli/generator.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ratebook::cli {
namespace {

constexpr std::uint64_t prices_a_route_and_day = 5;  // on average, as long as there are routes enough
constexpr std::uint64_t suppliers = 12;

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
class Random {
 public:
  explicit Random(std::uint64_t state) : state_(state) {}

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

  /// 0..below-1. The bias of the remainder is far below what prices can show.
  std::uint64_t next(std::uint64_t below) { return next() % below; }

  /// About normal in -4·spread..4·spread: the sum of four uniform ones.
  std::int64_t around_zero(std::int64_t spread) {
    const auto width = static_cast<std::uint64_t>(2 * spread + 1);
    std::int64_t sum = -4 * spread;
    for (int i = 0; i < 4; ++i) sum += static_cast<std::int64_t>(next(width));
    return sum;
  }

 private:
  std::uint64_t state_;
};

std::uint64_t mix(std::uint64_t a, std::uint64_t b) { return Random{a ^ (b * 0xD6E8FEB86659FD93u)}.next(); }

struct Route {
  PortCode orig;
  PortCode dest;
  std::uint64_t id = 0;  ///< of seed and ports
  Random random{0};
  std::int64_t base_cents = 0;
  std::int64_t level_cents = 0;  ///< today's
};

/// The pairs of ports that trade, those of the first ports first.
std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs(const std::vector<PortDocument>& ports, std::size_t most) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> result;
  const std::size_t sums = ports.empty() ? 0 : 2 * ports.size() - 1;
  for (std::size_t sum = 1; sum < sums && result.size() < most; ++sum) {
    const std::size_t first = sum < ports.size() ? 0 : sum - ports.size() + 1;
    for (std::size_t orig = first; orig <= std::min(sum, ports.size() - 1) && result.size() < most; ++orig) {
      const std::size_t dest = sum - orig;
      if (orig == dest || ports[orig].parent_slug == ports[dest].parent_slug) continue;
      result.emplace_back(static_cast<std::uint32_t>(orig), static_cast<std::uint32_t>(dest));
    }
  }
  return result;
}

Route make_route(std::uint64_t seed, PortCode orig, PortCode dest) {
  Route route{.orig = orig, .dest = dest, .id = mix(mix(seed, orig.number()), dest.number())};
  route.random = Random{route.id};
  // Squared: many cheap routes, few dear ones. 400 to 6,400 USD.
  const auto part = static_cast<std::int64_t>(route.random.next(1001));
  route.base_cents = 400'00 + 6'000'00 * part / 1000 * part / 1000;
  route.level_cents = route.base_cents;
  return route;
}

/// A random walk that its base pulls back, so that a route stays itself for years.
void next_day(Route& route) {
  const std::int64_t step = route.level_cents * route.random.around_zero(5'000) / 1'000'000;
  const std::int64_t pull = (route.base_cents - route.level_cents) / 50;
  route.level_cents =
      std::clamp<std::int64_t>(route.level_cents + step + pull, generated_min.value, generated_max.value);
}

Cents quote(Route& route, std::uint64_t supplier) {
  Random of_supplier{mix(route.id, supplier + 1)};
  const std::int64_t permille = 1000 + of_supplier.around_zero(40) + route.random.around_zero(5);
  std::int64_t cents = route.level_cents * permille / 1000;
  if (supplier % 3 != 0) cents -= cents % 100;  // most suppliers quote whole dollars
  return Cents{static_cast<std::uint32_t>(std::clamp<std::int64_t>(cents, generated_min.value, generated_max.value))};
}

/// How many of a day's prices each route gets: by its weight, and a little otherwise each day.
class Shares {
 public:
  Shares(std::uint64_t seed, const std::vector<Route>& routes) : seed_(seed) {
    for (const auto& route : routes) bounds_.push_back(bounds_.back() + 2 + Random{route.id ^ seed}.next(7));
  }

  std::uint64_t of(std::size_t route, std::uint64_t prices, std::uint64_t day) const {
    const std::uint64_t phase = mix(seed_, day) % bounds_.back();
    return (prices * bounds_[route + 1] + phase) / bounds_.back() - (prices * bounds_[route] + phase) / bounds_.back();
  }

 private:
  std::uint64_t seed_;
  std::vector<std::uint64_t> bounds_{0};  ///< sums of weights up to each route
};

Result<void> check(const GeneratorOptions& options, const std::vector<PortDocument>& ports) {
  if (options.price_count < 1 || options.price_count > 10'000'000'000u) {
    return fail(Failure::conflict, "the number of prices must be 1 to 10,000,000,000");
  }
  if (options.day_count < 1 || options.first_day < day_min || options.first_day > day_max ||
      options.day_count - 1 > static_cast<std::uint32_t>(day_max.since_1970 - options.first_day.since_1970)) {
    return fail(Failure::conflict, "the days must lie between 1970-01-01 and 2149-12-31");
  }
  if (ports.size() > generator_ports_max) {
    return fail(Failure::conflict, fmt::format("at most {} ports can trade; shorten the list", generator_ports_max));
  }
  for (const auto& port : ports) {
    if (!PortCode::parse(port.code)) {
      return fail(Failure::conflict, fmt::format("'{}' is no UN/LOCODE such as CNSGH", port.code));
    }
  }
  return {};
}

}  // namespace

Result<void> generate(const GeneratorOptions& options, const std::vector<PortDocument>& ports,
                      const std::function<bool(const RouteDay&)>& sink) {
  auto open_ports = ports;
  std::erase_if(open_ports, [](const PortDocument& port) { return port.closed; });
  if (const auto good = check(options, open_ports); !good) return good;
  const std::uint64_t a_day = (options.price_count + options.day_count - 1) / options.day_count;
  const auto wanted = (a_day + prices_a_route_and_day - 1) / prices_a_route_and_day;
  std::vector<Route> routes;
  for (const auto& [orig, dest] : pairs(open_ports, wanted)) {
    routes.push_back(
        make_route(options.seed, *PortCode::parse(open_ports[orig].code), *PortCode::parse(open_ports[dest].code)));
  }
  if (routes.empty()) return fail(Failure::conflict, "no two ports lie in different regions: none can trade");
  const Shares shares{options.seed, routes};
  std::vector<Cents> amounts;
  for (std::uint64_t day = 0; day < options.day_count; ++day) {
    const std::uint64_t today =
        options.price_count * (day + 1) / options.day_count - options.price_count * day / options.day_count;
    for (std::size_t i = 0; i < routes.size(); ++i) {
      next_day(routes[i]);
      const std::uint64_t count = shares.of(i, today, day);
      if (count == 0) continue;
      amounts.clear();
      for (std::uint64_t k = 0; k < count; ++k) amounts.push_back(quote(routes[i], k % suppliers));
      const Day date{options.first_day.since_1970 + static_cast<std::int32_t>(day)};
      if (!sink({.orig = routes[i].orig, .dest = routes[i].dest, .day = date, .amounts = amounts})) return {};
    }
  }
  return {};
}

}  // namespace ratebook::cli
