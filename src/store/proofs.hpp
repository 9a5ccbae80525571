// The newest versions that a commit has proven, as a store remembers them for Store::proven().
#pragma once
#include <algorithm>
#include <mutex>
#include <vector>

#include "store/store.hpp"

namespace ratebook::store {

/// Thread-safe. Those that came last are kept, not those with the highest numbers: after a restore numbers begin lower.
class Proofs {
 public:
  static constexpr std::size_t kept_max = 16;

  /// False: it is known.
  bool add(const Head& head) {
    const std::lock_guard lock{mutex_};
    if (std::ranges::find(heads_, head) != heads_.end()) return false;
    if (heads_.size() == kept_max) heads_.erase(heads_.begin());
    heads_.push_back(head);
    return true;
  }
  std::vector<Head> all() const {
    const std::lock_guard lock{mutex_};
    return heads_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Head> heads_;  ///< oldest first
};

}  // namespace ratebook::store
