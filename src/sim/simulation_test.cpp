#include "sim/simulation.hpp"

#include <gtest/gtest.h>

#include <set>

namespace ratebook::sim {
namespace {

TEST(Simulation, ASeedReplaysExactly) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const Report first = simulate(seed);
    const Report second = simulate(seed);
    EXPECT_EQ(first.digest, second.digest) << "seed " << seed;
    EXPECT_EQ(first.event_count, second.event_count) << "seed " << seed;
  }
}

TEST(Simulation, SeedsDiffer) {
  std::set<std::uint64_t> digests;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) digests.insert(simulate(seed).digest);
  EXPECT_EQ(digests.size(), 20U);
}

// AllOrNothing, AcceptedIsKept, ExactlyOnce, Order, ReadYourWrites, ReadsStandAlone: every one of them is checked at
// every step, and planted_test shows that these checks can fail.
TEST(Simulation, PromisesHoldUnderFaults) {
  std::uint64_t versions = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const Report report = simulate(seed);
    EXPECT_EQ(report.violation, "") << "seed " << seed << "; look at it with --seed " << seed << " --count 1 --verbose";
    versions += report.version;
  }
  EXPECT_GT(versions, 300U * 10) << "too little happens to say anything";
}

}  // namespace
}  // namespace ratebook::sim
