#include <utility>

#include "follower/follower.hpp"

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

void Visible::confirm(WallTime confirmed_at) {
  const std::lock_guard lock{mutex_};
  view_.confirmed_at = confirmed_at;
}

void Visible::set_ready(bool ready) {
  const std::lock_guard lock{mutex_};
  view_.ready = ready;
}

// From the newest on: what is asked for was most often offered just now.
std::list<Hints::Entry>::iterator Hints::find(const std::string& attempt) {
  for (auto entry = entries_.end(); entry != entries_.begin();) {
    if ((--entry)->attempt == attempt) return entry;
  }
  return entries_.end();
}

void Hints::offer(const std::string& attempt, std::uint32_t chunk, std::uint32_t chunk_count,
                  std::vector<NumberedPrice> prices) {
  const std::lock_guard lock{mutex_};
  auto entry = find(attempt);
  if (entry == entries_.end()) entry = entries_.insert(entries_.end(), Entry{attempt, chunk_count, {}, 0});
  auto& slot = entry->chunks[chunk];
  entry->prices += prices.size() - slot.size();
  prices_ += prices.size() - slot.size();
  slot = std::move(prices);
  while (!entries_.empty() && (prices_ > prices_max_ || entries_.size() > attempts_max)) {
    prices_ -= entries_.front().prices;
    entries_.pop_front();
  }
}

std::optional<std::vector<NumberedPrice>> Hints::take(const std::string& attempt) {
  const std::lock_guard lock{mutex_};
  const auto entry = find(attempt);
  if (entry == entries_.end() || entry->chunks.size() != entry->chunk_count) return std::nullopt;
  std::vector<NumberedPrice> prices;
  if (entry->chunks.size() == 1) {
    prices = std::move(entry->chunks.begin()->second);
  } else {
    prices.reserve(entry->prices);
    for (const auto& [chunk, part] : entry->chunks) prices.insert(prices.end(), part.begin(), part.end());
  }
  prices_ -= entry->prices;
  entries_.erase(entry);
  return prices;
}

}  // namespace ratebook::follower
