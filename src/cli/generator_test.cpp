#include "cli/generator.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "cli/sample.hpp"
#include "model/digest.hpp"

namespace ratebook::cli {
namespace {

std::vector<Price> all(const GeneratorOptions& options,
                       const std::vector<PortDocument>& ports = sample_places().ports) {
  std::vector<Price> prices;
  const auto done = generate(options, ports, [&](const RouteDay& run) {
    for (const Cents amount : run.amounts) prices.push_back({run.orig, run.dest, run.day, amount});
    return true;
  });
  EXPECT_TRUE(done) << done.error().message;
  return prices;
}

std::string digest_of(const std::vector<Price>& prices) {
  ContentDigest digest{""};
  for (const auto& price : prices) digest.add(price);
  return hex(digest.finish());
}

TEST(Generator, the_same_seed_gives_the_same_prices_for_ever) {
  // A change of this value changes what everybody's scripts get from the same seed: think before you write a new one.
  EXPECT_EQ(digest_of(all({.price_count = 10'000, .seed = 7})),
            "c5e935fcd8e9b613e1ee8afe3e8c3600f7b64d64602040d44b3f052bf80caca2");
  EXPECT_EQ(digest_of(all({.price_count = 10'000, .seed = 7})), digest_of(all({.price_count = 10'000, .seed = 7})));
}

TEST(Generator, another_seed_gives_other_prices_on_the_same_routes) {
  const auto routes = [](const std::vector<Price>& prices) {
    std::set<std::pair<PortCode, PortCode>> result;
    for (const auto& price : prices) result.emplace(price.orig, price.dest);
    return result;
  };
  const auto one = all({.price_count = 10'000, .seed = 1});
  const auto two = all({.price_count = 10'000, .seed = 2});
  EXPECT_NE(digest_of(one), digest_of(two));
  EXPECT_EQ(routes(one), routes(two));
}

TEST(Generator, begins_on_the_day_that_its_help_names) {
  EXPECT_EQ(format_day(GeneratorOptions{}.first_day), "2026-01-01");
  EXPECT_EQ(format_day(all({.price_count = 100, .day_count = 2}).back().day), "2026-01-02");
}

TEST(Generator, exactly_as_many_prices_come_all_in_range_days_ascending) {
  EXPECT_TRUE(rc::check([] {
    GeneratorOptions options;
    options.price_count = *rc::gen::inRange(1u, 5'000u);
    options.day_count = *rc::gen::inRange(1u, 400u);
    options.seed = *rc::gen::arbitrary<std::uint64_t>();
    const auto prices = all(options);
    RC_ASSERT(prices.size() == options.price_count);
    RC_ASSERT(std::ranges::is_sorted(prices, {}, &Price::day));
    const Day last{options.first_day.since_1970 + static_cast<std::int32_t>(options.day_count) - 1};
    for (const auto& price : prices) {
      RC_ASSERT(price.orig != price.dest);
      RC_ASSERT(price.day >= options.first_day && price.day <= last);
      RC_ASSERT(price.amount >= generated_min && price.amount <= generated_max);
    }
  }));
}

TEST(Generator, ports_of_one_region_do_not_trade_and_closed_ones_not_at_all) {
  const std::vector<PortDocument> ports{{"CNSGH", "", "east", false},
                                        {"CNNBO", "", "east", false},
                                        {"NLRTM", "", "europe", false},
                                        {"DEHAM", "", "", true}};
  std::set<std::string> routes;
  for (const auto& price : all({.price_count = 5'000, .day_count = 1}, ports)) {
    routes.insert(std::string{price.orig.view()} + std::string{price.dest.view()});
  }
  EXPECT_EQ(routes, (std::set<std::string>{"CNSGHNLRTM", "NLRTMCNSGH", "CNNBONLRTM", "NLRTMCNNBO"}));
}

// What makes it plausible: several prices a route and day, near each other; a route that moves a little each day and
// stays itself over a year; routes that differ.
TEST(Generator, prices_look_like_prices) {
  std::map<std::pair<PortCode, PortCode>, std::map<Day, std::vector<double>>> routes;
  for (const auto& price : all({.price_count = 200'000, .day_count = 365})) {
    routes[{price.orig, price.dest}][price.day].push_back(price.amount.value / 100.0);
  }
  EXPECT_GE(routes.size(), 100u);
  double lowest = 1e9;
  double highest = 0;
  for (const auto& [route, days] : routes) {
    std::vector<double> averages;
    for (const auto& [day, amounts] : days) {
      const auto [low, high] = std::ranges::minmax(amounts);
      EXPECT_LT(high / low, 1.6);
      double sum = 0;
      for (const double amount : amounts) sum += amount;
      averages.push_back(sum / static_cast<double>(amounts.size()));
    }
    const auto [low, high] = std::ranges::minmax(averages);
    EXPECT_LT(high / low, 2.5);
    EXPECT_GT(high / low, 1.02);
    lowest = std::min(lowest, averages.front());
    highest = std::max(highest, averages.front());
  }
  EXPECT_GT(highest / lowest, 5);
}

TEST(Generator, an_average_of_about_five_prices_a_route_and_day) {
  std::map<std::tuple<PortCode, PortCode, Day>, int> counts;
  for (const auto& price : all({})) ++counts[{price.orig, price.dest, price.day}];
  const double average = 50'000.0 / static_cast<double>(counts.size());
  EXPECT_GT(average, 4);
  EXPECT_LT(average, 6);
  int most = 0;
  for (const auto& [key, count] : counts) most = std::max(most, count);
  EXPECT_GT(most, 6);
  EXPECT_LT(most, 12);
}

TEST(Generator, a_sink_that_has_enough_ends_it) {
  int runs = 0;
  const GeneratorOptions options{.price_count = 1'000'000'000};
  EXPECT_TRUE(generate(options, sample_places().ports, [&](const RouteDay&) { return ++runs < 3; }));
  EXPECT_EQ(runs, 3);
}

TEST(Generator, refuses_what_cannot_be) {
  const auto refused = [](const GeneratorOptions& options, const std::vector<PortDocument>& ports) {
    return !generate(options, ports, [](const RouteDay&) { return true; });
  };
  const auto ports = sample_places().ports;
  EXPECT_TRUE(refused({.price_count = 0}, ports));
  EXPECT_TRUE(refused({.price_count = 10'000'000'001}, ports));
  EXPECT_TRUE(refused({.day_count = 0}, ports));
  EXPECT_TRUE(refused({.first_day = day_max, .day_count = 2}, ports));
  EXPECT_FALSE(refused({.price_count = 2, .first_day = day_max, .day_count = 1}, ports));
  EXPECT_TRUE(refused({}, {}));
  EXPECT_TRUE(refused({}, {ports[0]}));
  EXPECT_TRUE(refused({}, {{"shanghai", "", "a", false}, {"NLRTM", "", "b", false}}));
  EXPECT_TRUE(refused({}, std::vector<PortDocument>(generator_ports_max + 1, ports[0])));
}

}  // namespace
}  // namespace ratebook::cli
