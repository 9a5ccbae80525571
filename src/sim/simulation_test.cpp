#include "sim/simulation.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "sim/settings.hpp"

namespace ratebook::sim {
namespace {

constexpr std::uint64_t seed_count = 100;

/// What few runs have.
void count_kinds(const Settings& settings, std::map<std::string, int>& kinds) {
  kinds["embedded"] += settings.embedded;
  kinds["one node"] += !settings.embedded && settings.node_count == 1;
  kinds["restored"] += settings.restored;
  kinds["restless"] += settings.restless;
  kinds["crowded"] += settings.crowded;
  kinds["few calls of the store at once"] += settings.store_calls_max > 0;
  const Intervals& every = settings.intervals;
  kinds["crashes"] += every.crash > Duration{0};
  kinds["pauses"] += every.pause > Duration{0};
  kinds["rebalances"] += every.rebalance > Duration{0};
  kinds["log outages"] += every.log_outage > Duration{0};
  kinds["store outages"] += every.store_outage > Duration{0};
  kinds["cut off"] += every.cut_off > Duration{0};
  kinds["fail-overs"] += every.fail_over > Duration{0};
  kinds["clock jumps"] += every.clock_jump > Duration{0};
  kinds["bad records"] += every.bad_record > Duration{0};
  kinds["another log"] += every.log_mistake > Duration{0};
}

TEST(Simulation, ASeedReplaysExactly) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const Report first = simulate(seed);
    const Report second = simulate(seed);
    EXPECT_EQ(first.digest, second.digest) << "seed " << seed;
    EXPECT_EQ(first.event_count, second.event_count) << "seed " << seed;
  }
}

// AllOrNothing, AcceptedIsKept, ExactlyOnce, Order, ReadYourWrites, ReadsStandAlone: every one of them is checked at
// every step, and planted_test shows that these checks can fail. A release simulates thousands of seeds (part
// `simulate` of ./dev test); here a sanitizer watches some of every kind.
TEST(Simulation, PromisesHoldUnderFaults) {
  std::uint64_t versions = 0;
  std::set<std::uint64_t> digests;
  std::map<std::string, int> kinds;
  for (std::uint64_t seed = 1; seed <= seed_count; ++seed) {
    const Report report = simulate(seed);
    EXPECT_EQ(report.violation, "") << "seed " << seed << "; look at it with --seed " << seed << " --count 1 --verbose";
    versions += report.version;
    digests.insert(report.digest);
    count_kinds(draw_settings(seed, Plant::none), kinds);
  }
  EXPECT_GT(versions, seed_count * 10) << "too little happens to say anything";
  EXPECT_EQ(digests.size(), seed_count) << "seeds that do not differ";
  for (const auto& [kind, count] : kinds) EXPECT_GT(count, 0) << kind << ": in none of these seeds";
}

}  // namespace
}  // namespace ratebook::sim
