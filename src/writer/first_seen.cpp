#include "writer/first_seen.hpp"

namespace ratebook::writer {

BootTime FirstSeen::see(const std::string& attempt, BootTime now) {
  const auto [entry, is_new] = seen_.emplace(attempt, now);
  const BootTime first = entry->second;
  if (!is_new) return first;
  by_age_.emplace(now, attempt);
  if (seen_.size() > attempts_max) forget(std::string{by_age_.begin()->second});
  return first;
}

void FirstSeen::forget(const std::string& attempt) {
  const auto found = seen_.find(attempt);
  if (found == seen_.end()) return;
  by_age_.erase({found->second, attempt});
  seen_.erase(found);
}

}  // namespace ratebook::writer
