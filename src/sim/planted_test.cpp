// The test of the simulator: every bug that is planted is found within the number of seeds that its name is listed
// with.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "sim/simulation.hpp"

namespace ratebook::sim {
namespace {

class Planted : public testing::TestWithParam<PlantName> {};

std::string name_of(const testing::TestParamInfo<PlantName>& plant) {
  std::string name{plant.param.name};
  std::ranges::replace(name, '-', '_');
  return name;
}

TEST_P(Planted, IsFound) {
  const PlantName& plant = GetParam();
  for (std::uint64_t seed = 1; seed <= plant.seeds_max; ++seed) {
    const Report report = simulate(seed, plant.plant);
    if (report.violation.empty()) continue;
    RecordProperty("seed", std::to_string(seed));
    // The same seed without the bug keeps every promise: it is the bug that was found.
    EXPECT_EQ(simulate(seed).violation, "") << "seed " << seed;
    return;
  }
  FAIL() << plant.what << ": not found within " << plant.seeds_max << " seeds";
}

INSTANTIATE_TEST_SUITE_P(Each, Planted, testing::ValuesIn(plants().begin(), plants().end()), name_of);

TEST(Plants, HaveNamesThatAreRead) {
  EXPECT_GE(plants().size(), 10U);
  for (const PlantName& plant : plants()) EXPECT_EQ(parse_plant(plant.name), plant.plant);
  EXPECT_EQ(parse_plant("no-such-bug"), std::nullopt);
}

}  // namespace
}  // namespace ratebook::sim
