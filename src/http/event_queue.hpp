// What stands between the senders of an event stream and its connection: text that waits, within bounds.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "http/http.hpp"
#include "http/mailbox.hpp"
#include "http/stream_memory.hpp"

namespace ratebook::http {

//   senders ── send() ──▶ pending ── take() ──▶ the connection's buffer ── take() ──▶ gone
//                          └────────── bytes_waiting ≤ bound ──────────┘
class EventQueue : public std::enable_shared_from_this<EventQueue> {
 public:
  struct Bounds {
    std::size_t bytes_max = 0;             ///< of this stream
    std::shared_ptr<StreamMemory> memory;  ///< of all
  };
  /// Taken at once, if there are several texts: what is taken is copied for one client, what waits is shared.
  static constexpr std::size_t taken_bytes_max = 8 * 1024;

  EventQueue(std::shared_ptr<Mailbox> mailbox, std::uint64_t connection, Bounds bounds, std::function<void()> closed);
  EventQueue(const EventQueue&) = delete;
  EventQueue& operator=(const EventQueue&) = delete;
  ~EventQueue();

  /// The handler's end.
  EventStream stream();

  /// Texts to write; what was taken before has been written.
  std::vector<EventText> take();
  enum class Wish { stay, close, cut };
  /// What the connection shall do next: stay while text is pending; close after close(), cut after an overflow.
  Wish wish();

  std::size_t bytes_waiting();
  /// As after an overflow.
  void cut();

  /// `closed` runs once, when the handler's start() has returned and the connection is done: of these two, the call
  /// that comes second gets it to run.
  std::function<void()> end_start();
  std::function<void()> end_connection();

 private:
  bool send(EventText text);
  void close();
  void drop();
  // Under the lock:
  void cut_locked();
  void drop_pending();
  void drop_all();
  /// Tells the core, unless it has been told.
  void tell();

  const std::shared_ptr<Mailbox> mailbox_;
  const std::uint64_t connection_;
  const Bounds bounds_;
  std::mutex mutex_;
  std::function<void()> closed_;
  std::deque<EventText> pending_;
  std::size_t pending_bytes_ = 0;
  std::size_t taken_bytes_ = 0;
  Wish wish_ = Wish::stay;
  bool told_ = false;
  bool start_ended_ = false;
  bool connection_ended_ = false;
};

}  // namespace ratebook::http
