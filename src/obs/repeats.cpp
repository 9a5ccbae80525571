#include "obs/repeats.hpp"

namespace ratebook::obs {

bool Repeats::admit(std::string_view message, Clock::time_point now) {
  const std::lock_guard lock{mutex_};
  auto found = windows_.find(message);
  if (found == windows_.end()) {
    const bool is_full = windows_.size() >= messages_max;
    found = windows_.try_emplace(is_full ? "many different messages" : std::string{message}, now + time_, 0).first;
  }
  return ++found->second.count <= repeats_max_;
}

std::vector<Repeats::Held> Repeats::take_over(Clock::time_point now) {
  const std::lock_guard lock{mutex_};
  std::vector<Held> held;
  std::erase_if(windows_, [&](const auto& each) {
    const auto& [message, window] = each;
    if (now < window.ends) return false;
    if (window.count > repeats_max_) held.push_back({message, window.count - repeats_max_});
    return true;
  });
  return held;
}

}  // namespace ratebook::obs
