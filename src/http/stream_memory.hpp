// What waits for the clients of all event streams together, within one bound. Who has most waiting is the slowest: its
// stream is cut, and goes on from Last-Event-ID. To refuse new streams instead would let those who do not read shut out
// those who do.
#pragma once
#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "http/event_text.hpp"

namespace ratebook::http {

class EventQueue;

/// Thread-safe. It outlives the server where a sender keeps a stream's handle.
class StreamMemory {
 public:
  explicit StreamMemory(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// A queue that may be cut, until it leaves.
  void enter(const std::shared_ptr<EventQueue>& queue);
  void leave(const EventQueue* queue);

  /// A queue holds it from now on, until it lets go of it. However many do: its bytes count once.
  void hold(const EventText& text);
  void let_go(const EventText& text);
  /// What a connection has copied, and its client has not taken.
  void add(std::size_t bytes) { bytes_ += bytes; }
  void subtract(std::size_t bytes) { bytes_ -= bytes; }

  std::size_t bytes() const { return bytes_; }
  /// Where there is more than the bound, cuts the slowest until there is some room again. Not while a queue is locked.
  void make_room();

 private:
  const std::size_t bytes_max_;
  std::atomic<std::size_t> bytes_ = 0;
  std::mutex mutex_;  ///< guards queues_
  std::map<const EventQueue*, std::weak_ptr<EventQueue>> queues_;
};

}  // namespace ratebook::http
