// What stands between the senders of an event stream and its connection: text that waits, within a bound.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "http/http.hpp"
#include "http/mailbox.hpp"

namespace ratebook::http {

//   senders ── send() ──▶ pending ── take() ──▶ the connection's buffer ── sent() ──▶ gone
//                          └────────── bytes_waiting ≤ bound ──────────┘
class EventQueue : public std::enable_shared_from_this<EventQueue> {
 public:
  EventQueue(std::shared_ptr<Mailbox> mailbox, std::uint64_t connection, std::size_t bytes_waiting_max,
             std::function<void()> closed);

  /// The handler's end.
  EventStream stream();

  /// Text to write; what was taken before has been written.
  std::string take();
  enum class Wish { stay, close, cut };
  /// What the connection shall do next: stay while text is pending; close after close(), cut after an overflow.
  Wish wish();

  /// `closed` runs once, when the handler's start() has returned and the connection is done: of these two, the call
  /// that comes second gets it to run.
  std::function<void()> end_start();
  std::function<void()> end_connection();

 private:
  bool send(std::string text);
  void close(Wish wish);
  /// Under the lock: tells the core, unless it has been told.
  void tell();

  const std::shared_ptr<Mailbox> mailbox_;
  const std::uint64_t connection_;
  const std::size_t bytes_waiting_max_;
  std::mutex mutex_;
  std::function<void()> closed_;
  std::string pending_;
  std::size_t taken_bytes_ = 0;
  Wish wish_ = Wish::stay;
  bool told_ = false;
  bool start_ended_ = false;
  bool connection_ended_ = false;
};

}  // namespace ratebook::http
