// One lock around a list of texts.
#include "http/event_queue.hpp"

#include <utility>

#include "http/core.hpp"

namespace ratebook::http {

EventQueue::EventQueue(std::shared_ptr<Mailbox> mailbox, std::uint64_t connection, Bounds bounds,
                       std::function<void()> closed)
    : mailbox_(std::move(mailbox)), connection_(connection), bounds_(std::move(bounds)), closed_(std::move(closed)) {}

EventQueue::~EventQueue() {
  drop_all();
  bounds_.memory->leave(this);
}

EventStream EventQueue::stream() {
  return {.send = [self = shared_from_this()](EventText text) { return self->send(std::move(text)); },
          .close = [self = shared_from_this()] { self->close(); },
          .drop = [self = shared_from_this()] { self->drop(); }};
}

bool EventQueue::send(EventText text) {
  {
    const std::lock_guard lock{mutex_};
    if (wish_ != Wish::stay || connection_ended_) return false;
    const std::size_t bytes = text.view().size();
    if (pending_bytes_ + taken_bytes_ + bytes > bounds_.bytes_max) {
      cut_locked();
      return false;
    }
    bounds_.memory->hold(text);
    pending_.push_back(std::move(text));
    pending_bytes_ += bytes;
    tell();
  }
  bounds_.memory->make_room();
  return true;
}

void EventQueue::close() {
  const std::lock_guard lock{mutex_};
  if (wish_ != Wish::stay || connection_ended_) return;
  wish_ = Wish::close;
  tell();
}

void EventQueue::drop() {
  const std::lock_guard lock{mutex_};
  if (wish_ == Wish::cut || connection_ended_) return;
  wish_ = Wish::close;
  drop_pending();
  tell();
}

void EventQueue::cut() {
  const std::lock_guard lock{mutex_};
  if (wish_ != Wish::cut && !connection_ended_) cut_locked();
}

void EventQueue::cut_locked() {
  wish_ = Wish::cut;
  drop_all();
  tell();
}

void EventQueue::drop_pending() {
  for (const EventText& text : pending_) bounds_.memory->let_go(text);
  pending_.clear();
  pending_bytes_ = 0;
}

void EventQueue::drop_all() {
  drop_pending();
  bounds_.memory->subtract(std::exchange(taken_bytes_, 0));
}

void EventQueue::tell() {
  if (std::exchange(told_, true)) return;
  mailbox_->post([connection = connection_](Core* core) { core->send_events(connection); });
}

std::vector<EventText> EventQueue::take() {
  const std::lock_guard lock{mutex_};
  told_ = false;
  bounds_.memory->subtract(std::exchange(taken_bytes_, 0));
  std::vector<EventText> taken;
  while (!pending_.empty()) {
    const std::size_t bytes = pending_.front().view().size();
    if (!taken.empty() && taken_bytes_ + bytes > taken_bytes_max) break;
    bounds_.memory->let_go(pending_.front());
    taken.push_back(std::move(pending_.front()));
    pending_.pop_front();
    taken_bytes_ += bytes;
  }
  pending_bytes_ -= taken_bytes_;
  bounds_.memory->add(taken_bytes_);
  return taken;
}

EventQueue::Wish EventQueue::wish() {
  const std::lock_guard lock{mutex_};
  told_ = false;
  return pending_.empty() ? wish_ : Wish::stay;
}

std::size_t EventQueue::bytes_waiting() {
  const std::lock_guard lock{mutex_};
  return pending_bytes_ + taken_bytes_;
}

std::function<void()> EventQueue::end_start() {
  const std::lock_guard lock{mutex_};
  start_ended_ = true;
  return connection_ended_ ? std::exchange(closed_, nullptr) : nullptr;
}

std::function<void()> EventQueue::end_connection() {
  const std::lock_guard lock{mutex_};
  if (std::exchange(connection_ended_, true)) return nullptr;
  drop_all();
  return start_ended_ ? std::exchange(closed_, nullptr) : nullptr;
}

}  // namespace ratebook::http
