// When this node first saw each open attempt of a partition, on its own boot clock (rule 3). It outlives assignments,
// so that partitions that change hands often do not start an attempt's give-up clock anew each time.
#pragma once
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "runtime/runtime.hpp"

namespace ratebook::writer {

class FirstSeen {
 public:
  /// Beyond it the oldest are forgotten: those whose end this node did not see.
  static constexpr std::size_t attempts_max = 10'000;

  /// When the attempt was first seen: now, or before.
  BootTime see(const std::string& attempt, BootTime now);
  /// It is open no longer.
  void forget(const std::string& attempt);
  std::size_t size() const { return seen_.size(); }

 private:
  std::map<std::string, BootTime> seen_;
  std::set<std::pair<BootTime, std::string>> by_age_;
};

}  // namespace ratebook::writer
