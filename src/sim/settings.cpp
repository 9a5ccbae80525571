#include "sim/settings.hpp"

#include <algorithm>

namespace ratebook::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Often nothing, else up to `most`: runs with one kind of fault find what runs with all of them hide.
double draw_rate(Random& random, double most) {
  if (random.chance(0.5)) return 0;
  return most * static_cast<double>(1 + random.below(100)) / 100;
}

Duration draw_interval(Random& random, Duration least) {
  if (random.chance(0.5)) return Duration{0};
  return random.between(least, 6 * least);
}

void draw_faults(Random& random, Settings& settings) {
  Rates& rates = settings.rates;
  rates.slow = draw_rate(random, 0.04);
  rates.append_refused = draw_rate(random, 0.1);
  rates.append_lost = draw_rate(random, 0.1);
  rates.append_unanswered = draw_rate(random, 0.15);
  rates.append_late = draw_rate(random, 0.15);
  rates.append_interleaved = draw_rate(random, 0.1);
  rates.read_fails = draw_rate(random, 0.05);
  rates.store_fails = draw_rate(random, 0.08);
  rates.store_lost = draw_rate(random, 0.08);
  rates.store_unanswered = draw_rate(random, 0.1);
  rates.store_late = draw_rate(random, 0.1);
  rates.store_held = draw_rate(random, 0.05);
  rates.fail_over = draw_rate(random, 0.05);
  rates.notification_lost = draw_rate(random, 0.5);
  Intervals& intervals = settings.intervals;
  intervals.crash = draw_interval(random, seconds{1});
  intervals.pause = draw_interval(random, seconds{1});
  intervals.rebalance = draw_interval(random, milliseconds{700});
  intervals.log_outage = draw_interval(random, seconds{2});
  intervals.store_outage = draw_interval(random, seconds{2});
  intervals.cut_off = draw_interval(random, seconds{2});
  intervals.fail_over = draw_interval(random, seconds{2});
  intervals.clock_jump = draw_interval(random, seconds{2});
  intervals.bad_record = draw_interval(random, seconds{2});
  intervals.log_mistake = draw_interval(random, seconds{2});
}

/// What few runs have.
void draw_conditions(Random& random, Settings& settings) {
  settings.store_calls_max = random.chance(0.3) ? 1 + static_cast<std::uint32_t>(random.below(4)) : 0;
  settings.crowded = random.chance(0.02);
  if (settings.crowded) {
    settings.partition_count = 1;
    settings.source_count = 200 + static_cast<std::uint32_t>(random.below(300));
    settings.prices_max = 2;
    settings.faults_end = random.between(seconds{2}, seconds{4});
    return;
  }
  if (settings.embedded) return;
  settings.restored = random.chance(0.15);
  settings.restless = random.chance(0.1);
  if (settings.restless) settings.node_count = std::max(settings.node_count, 2U);
}

}  // namespace

Duration Settings::delay(Random& random) const {
  // Embedded, what is under way when the process dies is over before the next one starts.
  if (!embedded && hits(random, rates.slow)) return random.between(milliseconds{1}, slow_time_max);
  if (random.chance(0.1)) return random.between(milliseconds{1}, milliseconds{40});
  return random.between(std::chrono::microseconds{100}, milliseconds{3});
}

Settings draw_settings(std::uint64_t seed, Plant plant) {
  Random random{seed};
  Settings settings;
  settings.seed = seed;
  settings.plant = plant;
  settings.embedded = random.chance(0.2);
  settings.node_count = settings.embedded ? 1 : 1 + static_cast<std::uint32_t>(random.below(4));
  settings.partition_count = settings.embedded ? 1 : 1 + static_cast<std::uint32_t>(random.below(3));
  settings.source_count = 1 + static_cast<std::uint32_t>(random.below(3));
  settings.client_count = 1 + static_cast<std::uint32_t>(random.below(6));
  settings.attempt_time_max = seconds{1};
  settings.slow_time_max = 5 * settings.attempt_time_max;
  settings.late_time_max = 4 * settings.attempt_time_max;
  settings.faults_end = random.between(seconds{4}, seconds{20});
  Random conditions{~seed};
  draw_conditions(conditions, settings);
  settings.min_version_wait = conditions.between(milliseconds{100}, milliseconds{1000});
  settings.settled_by = settings.faults_end + settings.late_time_max + 30 * settings.attempt_time_max;
  draw_faults(random, settings);
  // A store that is taken back to before its first record cannot tell one log from another.
  if (settings.restored) settings.intervals.log_mistake = {};
  return settings;
}

}  // namespace ratebook::sim
