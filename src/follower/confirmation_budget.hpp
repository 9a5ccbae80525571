// How often a follower asks the store for a confirmation, which costs it a commit: a token bucket, kept as the time at
// which it is full (the generic cell rate algorithm of ATM Forum's Traffic Management Specification).
#pragma once
#include <algorithm>

#include "runtime/runtime.hpp"

namespace ratebook::follower {

class ConfirmationBudget {
 public:
  /// `at_once` of them after a rest, and one each `interval` in the long run. `at_once` is at least 1.
  ConfirmationBudget(std::size_t at_once, Duration interval)
      : interval_(interval), debt_max_((static_cast<std::int64_t>(at_once) - 1) * interval) {}

  bool has_one(BootTime now) const { return until_next(now) == Duration{0}; }
  Duration until_next(BootTime now) const { return std::max(full_at_ - debt_max_ - now, Duration{0}); }
  /// Also where there is none, as for a load: the next ones then come later.
  void spend(BootTime now) { full_at_ = std::max(full_at_, now) + interval_; }

 private:
  const Duration interval_;
  const Duration debt_max_;
  BootTime full_at_{0};
};

}  // namespace ratebook::follower
