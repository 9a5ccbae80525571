// What one seed's run is like: how many nodes, which faults and how often, which bug is planted. Drawn from the seed,
// so that some runs are calm, some have one kind of fault, and some have all.
#pragma once
#include <cstdint>

#include "sim/plants.hpp"
#include "sim/random.hpp"
#include "sim/scheduler.hpp"

namespace ratebook::sim {

/// How often something goes wrong, 0..1 a call.
struct Rates {
  double slow = 0;  ///< a call that takes up to slow_time_max
  double append_refused = 0;
  double append_lost = 0;         ///< never in, and nobody says so
  double append_unanswered = 0;   ///< in, and nobody says so
  double append_late = 0;         ///< in long after the failure was told
  double append_interleaved = 0;  ///< another record of anybody comes between
  double read_fails = 0;
  double store_fails = 0;       ///< surely without effect
  double store_lost = 0;        ///< without effect, and nobody says so
  double store_unanswered = 0;  ///< in effect, and nobody says so
  double store_late = 0;        ///< in effect long after the failure was told
  double store_held = 0;        ///< a commit that waits, with its locks, and nobody says how it ends
  double fail_over = 0;         ///< a commit on a primary that dies with it
  double notification_lost = 0;
};

/// How often faults of whole machines come, as mean times between two; 0: never.
struct Intervals {
  Duration crash{};
  Duration pause{};
  Duration rebalance{};
  Duration log_outage{};
  Duration store_outage{};
  Duration cut_off{};
  Duration fail_over{};
  Duration clock_jump{};
  Duration bad_record{};
  Duration log_mistake{};  ///< another log stands where the nodes' log was
};

struct Settings {
  std::uint64_t seed = 0;
  Plant plant = Plant::none;
  bool embedded = false;  ///< one node, log and store in one file
  std::uint32_t node_count = 1;
  std::uint32_t partition_count = 1;
  std::uint32_t source_count = 1;
  std::uint32_t client_count = 1;
  bool crowded = false;               ///< hundreds of sources in one partition, one of which floods it
  bool restless = false;              ///< partitions change hands more often than every 2 T, also after the faults
  bool restored = false;              ///< the store is restored from a backup once, under its nodes
  std::uint32_t store_calls_max = 0;  ///< of a node at once, first come, first served; 0: any number
  std::uint32_t chunks_max = 6;       ///< of a batch
  std::uint32_t prices_max = 12;
  Duration attempt_time_max{};  ///< T
  Duration min_version_wait{};  ///< of who demands a version
  Duration slow_time_max{};
  Duration late_time_max{};
  Time faults_end{};  ///< and the clients' last requests
  Time settled_by{};  ///< by then everything must have come to rest
  bool faults_on = true;
  Rates rates;
  Intervals intervals;

  bool planted(Plant which) const { return plant == which; }
  /// Whether something of this rate goes wrong now.
  bool hits(Random& random, double rate) const { return faults_on && rate > 0 && random.chance(rate); }
  /// What a call takes, one way.
  Duration delay(Random& random) const;
};

Settings draw_settings(std::uint64_t seed, Plant plant);

}  // namespace ratebook::sim
