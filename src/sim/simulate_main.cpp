// Runs the simulation for many seeds and says which seed broke which promise: `ratebook_simulate --seed N --count N`.
// With --hunt it says whether planted bugs are found.
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string_view>
#include <vector>

#include "sim/hunt.hpp"
#include "sim/simulation.hpp"

namespace {

using ratebook::sim::Plant;
using ratebook::sim::PlantName;

constexpr std::string_view usage =
    "usage: ratebook_simulate [--seed N] [--count N] [--plant NAME] [--hunt] [--list-plants] [--verbose]\n"
    "  --seed N       the first seed (1); a seed always gives the same run\n"
    "  --count N      how many seeds, one after the other (1000)\n"
    "  --plant NAME   with a bug planted on purpose, to see it found; --list-plants names them\n"
    "  --hunt         whether each planted bug, or that of --plant, is found within the seeds that it is listed with\n"
    "  --verbose      print every event\n";

struct Arguments {
  std::uint64_t seed = 1;
  std::uint64_t count = 1000;
  Plant plant = Plant::none;
  bool hunt = false;
  bool list_plants = false;
  bool verbose = false;
};

bool read_number(std::string_view text, std::uint64_t& into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc{} && end == text.data() + text.size();
}

std::optional<Arguments> read_arguments(const std::vector<std::string_view>& words) {
  Arguments arguments;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    const std::string_view value = i + 1 < words.size() ? words[i + 1] : std::string_view{};
    if (word == "--verbose") {
      arguments.verbose = true;
    } else if (word == "--hunt") {
      arguments.hunt = true;
    } else if (word == "--list-plants") {
      arguments.list_plants = true;
    } else if (word == "--seed" || word == "--count") {
      if (!read_number(value, word == "--seed" ? arguments.seed : arguments.count)) return std::nullopt;
      ++i;
    } else if (word == "--plant") {
      const auto plant = ratebook::sim::parse_plant(value);
      if (!plant) return std::nullopt;
      arguments.plant = *plant;
      ++i;
    } else {
      return std::nullopt;
    }
  }
  return arguments;
}

void list_plants() {
  for (const PlantName& plant : ratebook::sim::plants()) {
    fmt::print("{:<30} {} (found within {} seeds)\n", plant.name, plant.what, plant.seeds_max);
  }
}

/// Whether it is found, and is what was found.
bool is_found(const PlantName& plant) {
  const auto found = ratebook::sim::hunt(plant);
  if (!found) {
    fmt::print("{}: not found within {} seeds ({})\n", plant.name, plant.seeds_max, plant.what);
    return false;
  }
  if (!found->violation_without.empty()) {
    fmt::print("{}: seed {} without it breaks promise {}\n", plant.name, found->seed, found->violation_without);
    return false;
  }
  fmt::print("{}: seed {} breaks promise {}\n", plant.name, found->seed, found->violation);
  return true;
}

int hunt_all(Plant wanted) {
  bool all_found = true;
  for (const PlantName& plant : ratebook::sim::plants()) {
    if (wanted == Plant::none || wanted == plant.plant) all_found = is_found(plant) && all_found;
  }
  return all_found ? 0 : 1;
}

int run_seeds(const Arguments& arguments) {
  const auto started = std::chrono::steady_clock::now();
  std::uint64_t broken = 0;
  std::uint64_t versions = 0;
  std::uint64_t events = 0;
  for (std::uint64_t seed = arguments.seed; seed < arguments.seed + arguments.count; ++seed) {
    const auto report = ratebook::sim::simulate(seed, arguments.plant, arguments.verbose);
    versions += report.version;
    events += report.event_count;
    if (arguments.count == 1) fmt::print("seed {} digest {:016x}\n", seed, report.digest);
    if (report.violation.empty()) continue;
    ++broken;
    fmt::print("seed {} breaks promise {}\n", seed, report.violation);
    std::fflush(stdout);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  fmt::print("{} seeds, {} broken; {} versions, {} events, {:.1f} s\n", arguments.count, broken, versions, events,
             seconds);
  return broken == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = read_arguments({argv + 1, argv + argc});
  if (!arguments) {
    fmt::print(stderr, "{}", usage);
    return 2;
  }
  if (arguments->list_plants) {
    list_plants();
    return 0;
  }
  return arguments->hunt ? hunt_all(arguments->plant) : run_seeds(*arguments);
}
