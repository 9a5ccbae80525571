// The test of the simulator, as far as sanitizers are worth their time: what is soon found is found here, too, and
// every plant's wrong turns run under them. That each is found within the seeds that it is listed with is the release
// build's to show, which simulates many times as fast: `ratebook_simulate --hunt`, in the part `simulate` of ./dev
// test.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sim/hunt.hpp"
#include "sim/simulation.hpp"

namespace ratebook::sim {
namespace {

std::string name_of(const testing::TestParamInfo<PlantName>& plant) {
  std::string name{plant.param.name};
  std::ranges::replace(name, '-', '_');
  return name;
}

std::vector<PlantName> soon_found() {
  std::vector<PlantName> soon;
  std::ranges::copy_if(plants(), std::back_inserter(soon),
                       [](const PlantName& plant) { return plant.seeds_max <= 20; });
  return soon;
}

class Planted : public testing::TestWithParam<PlantName> {};

TEST_P(Planted, IsFound) {
  const auto found = hunt(GetParam());
  ASSERT_TRUE(found.has_value()) << GetParam().what << ": not within " << GetParam().seeds_max << " seeds";
  EXPECT_EQ(found->violation_without, "") << "seed " << found->seed;
}

INSTANTIATE_TEST_SUITE_P(Each, Planted, testing::ValuesIn(soon_found()), name_of);

TEST(Plants, HarmNothingButPromises) {
  for (const PlantName& plant : plants()) {
    for (std::uint64_t seed = 1; seed <= 2; ++seed)
      EXPECT_GT(simulate(seed, plant.plant).event_count, 0U) << plant.name;
  }
}

TEST(Plants, HaveNamesThatAreRead) {
  EXPECT_GE(plants().size(), 10U);
  for (const PlantName& plant : plants()) EXPECT_EQ(parse_plant(plant.name), plant.plant);
  EXPECT_EQ(parse_plant("no-such-bug"), std::nullopt);
}

}  // namespace
}  // namespace ratebook::sim
