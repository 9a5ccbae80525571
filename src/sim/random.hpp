// The one source of chance of a simulation: the same seed gives the same run, on every machine.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/runtime.hpp"

namespace ratebook::sim {

/// SplitMix64 (Steele, Lea, Flood 2014): small, quick, good enough to order events; not for secrets.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
    return mixed ^ (mixed >> 31);
  }
  /// 0..bound-1; bound > 0. The bias of the remainder does not matter here.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  bool chance(double probability) { return static_cast<double>(next() >> 11) * 0x1.0p-53 < probability; }
  Duration between(Duration least, Duration most) {
    return least + Duration{static_cast<std::int64_t>(below(static_cast<std::uint64_t>((most - least).count()) + 1))};
  }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }
  void fill(std::span<std::uint8_t> bytes) {
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(next() >> 56);
  }

 private:
  std::uint64_t state_;
};

}  // namespace ratebook::sim
