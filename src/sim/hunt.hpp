// The test of the simulator: it must find every bug that is planted.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "sim/plants.hpp"

namespace ratebook::sim {

struct Hunted {
  std::uint64_t seed = 0;
  std::string violation;  ///< with the bug
  /// Of the same seed without it, and so empty: else it is not the bug that was found.
  std::string violation_without;
};

/// The first seed that shows the bug; nothing: none does, of as many as its name is listed with.
std::optional<Hunted> hunt(const PlantName& plant);

}  // namespace ratebook::sim
