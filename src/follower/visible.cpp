#include "follower/visible.hpp"

#include <utility>

namespace ratebook::follower {

Visible::View Visible::view() const {
  const std::lock_guard lock{mutex_};
  return view_;
}

Visible::Subscription Visible::subscribe(std::function<void(const Step&)> told) {
  const std::lock_guard lock{subscribers_mutex_};
  subscribers_.emplace(next_subscription_, std::move(told));
  return next_subscription_++;
}

void Visible::unsubscribe(Subscription subscription) {
  const std::lock_guard lock{subscribers_mutex_};
  subscribers_.erase(subscription);
}

void Visible::show(const Step& step, WallTime confirmed_at, bool ready) {
  {
    View next{step.book, confirmed_at, ready};  // declared before the lock: the book before dies after it
    const std::lock_guard lock{mutex_};
    std::swap(view_, next);
  }
  const std::lock_guard lock{subscribers_mutex_};
  for (const auto& [subscription, told] : subscribers_) told(step);
}

void Visible::replace(book::Snapshot book) {
  const std::lock_guard lock{mutex_};
  std::swap(view_.book, book);  // the one before dies after the lock
}

void Visible::confirm(WallTime confirmed_at) {
  const std::lock_guard lock{mutex_};
  view_.confirmed_at = confirmed_at;
}

void Visible::set_ready(bool ready) {
  const std::lock_guard lock{mutex_};
  view_.ready = ready;
}

}  // namespace ratebook::follower
