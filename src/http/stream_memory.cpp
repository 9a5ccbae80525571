#include "http/stream_memory.hpp"

#include <algorithm>
#include <utility>

#include "http/event_queue.hpp"

namespace ratebook::http {
namespace {

constexpr std::size_t entry_bytes = 2 * sizeof(EventText);  // of a queue, for each text
constexpr std::size_t block_bytes = 64;                     // of a text, beside its bytes

}  // namespace

void StreamMemory::enter(const std::shared_ptr<EventQueue>& queue) {
  const std::lock_guard lock{mutex_};
  queues_.emplace(queue.get(), queue);
}

void StreamMemory::leave(const EventQueue* queue) {
  const std::lock_guard lock{mutex_};
  queues_.erase(queue);
}

void StreamMemory::hold(const EventText& text) {
  const bool first = text.shared_->holders.fetch_add(1) == 0;
  bytes_ += entry_bytes + (first ? block_bytes + text.shared_->text.size() : 0);
}

void StreamMemory::let_go(const EventText& text) {
  const bool last = text.shared_->holders.fetch_sub(1) == 1;
  bytes_ -= entry_bytes + (last ? block_bytes + text.shared_->text.size() : 0);
}

void StreamMemory::make_room() {
  if (bytes_ <= bytes_max_) return;
  std::vector<std::pair<std::size_t, std::shared_ptr<EventQueue>>> waiting;
  {
    const std::lock_guard lock{mutex_};
    for (const auto& [queue, held] : queues_) {
      if (auto kept = held.lock()) waiting.emplace_back(0, std::move(kept));
    }
  }
  for (auto& [bytes, queue] : waiting) bytes = queue->bytes_waiting();
  std::ranges::sort(waiting, [](const auto& left, const auto& right) { return left.first > right.first; });
  // Some more than is needed, so that the next event does not look at all of them again.
  const std::size_t enough = bytes_max_ - bytes_max_ / 8;
  for (const auto& [bytes, queue] : waiting) {
    if (bytes_ <= enough || bytes == 0) return;
    queue->cut();
  }
}

}  // namespace ratebook::http
