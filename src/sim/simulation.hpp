// One seed's run: nodes, clients and faults, the promises checked at every step, and after the faults everything must
// come to rest.
#pragma once
#include <cstdint>
#include <string>

#include "sim/plants.hpp"

namespace ratebook::sim {

struct Report {
  std::string violation;     ///< which promise was broken, and how; empty: none
  std::uint64_t digest = 0;  ///< of the whole run: equal for equal seeds
  std::uint64_t event_count = 0;
  std::uint64_t version = 0;  ///< that the store ended with
};

Report simulate(std::uint64_t seed, Plant plant = Plant::none, bool verbose = false);

}  // namespace ratebook::sim
