#include "sim/hunt.hpp"

#include <utility>

#include "sim/simulation.hpp"

namespace ratebook::sim {

std::optional<Hunted> hunt(const PlantName& plant) {
  for (std::uint64_t seed = 1; seed <= plant.seeds_max; ++seed) {
    Report report = simulate(seed, plant.plant);
    if (!report.violation.empty()) return Hunted{seed, std::move(report.violation), simulate(seed).violation};
  }
  return std::nullopt;
}

}  // namespace ratebook::sim
