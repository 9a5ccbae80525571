// One lock around a string.
#include "http/event_queue.hpp"

#include <utility>

#include "http/core.hpp"

namespace ratebook::http {

EventQueue::EventQueue(std::shared_ptr<Mailbox> mailbox, std::uint64_t connection, std::size_t bytes_waiting_max,
                       std::function<void()> closed)
    : mailbox_(std::move(mailbox)),
      connection_(connection),
      bytes_waiting_max_(bytes_waiting_max),
      closed_(std::move(closed)) {}

EventStream EventQueue::stream() {
  return {.send = [self = shared_from_this()](std::string text) { return self->send(std::move(text)); },
          .close = [self = shared_from_this()] { self->close(Wish::close); }};
}

bool EventQueue::send(std::string text) {
  const std::lock_guard lock{mutex_};
  if (wish_ != Wish::stay || connection_ended_) return false;
  if (pending_.size() + taken_bytes_ + text.size() > bytes_waiting_max_) {
    wish_ = Wish::cut;
    pending_.clear();
    tell();
    return false;
  }
  if (pending_.empty()) {
    pending_ = std::move(text);
  } else {
    pending_ += text;
  }
  tell();
  return true;
}

void EventQueue::close(Wish wish) {
  const std::lock_guard lock{mutex_};
  if (wish_ != Wish::stay || connection_ended_) return;
  wish_ = wish;
  tell();
}

void EventQueue::tell() {
  if (std::exchange(told_, true)) return;
  mailbox_->post([connection = connection_](Core* core) { core->send_events(connection); });
}

std::string EventQueue::take() {
  const std::lock_guard lock{mutex_};
  told_ = false;
  taken_bytes_ = pending_.size();
  return std::exchange(pending_, {});
}

EventQueue::Wish EventQueue::wish() {
  const std::lock_guard lock{mutex_};
  told_ = false;
  return pending_.empty() ? wish_ : Wish::stay;
}

std::function<void()> EventQueue::end_start() {
  const std::lock_guard lock{mutex_};
  start_ended_ = true;
  return connection_ended_ ? std::exchange(closed_, nullptr) : nullptr;
}

std::function<void()> EventQueue::end_connection() {
  const std::lock_guard lock{mutex_};
  if (std::exchange(connection_ended_, true)) return nullptr;
  pending_.clear();
  return start_ended_ ? std::exchange(closed_, nullptr) : nullptr;
}

}  // namespace ratebook::http
