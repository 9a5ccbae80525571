// The right to answer one request once, from any thread. Destroyed unused it answers 500: no client waits for ever for
// a handler that forgot.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>

#include "http/http.hpp"
#include "http/mailbox.hpp"

namespace ratebook::http {

/// Names a request from outside its core: the connection, and which of its requests.
struct RequestName {
  std::uint64_t connection = 0;
  std::uint64_t serial = 0;
};

class Ticket {
 public:
  Ticket(std::shared_ptr<Mailbox> mailbox, RequestName name) : mailbox_(std::move(mailbox)), name_(name) {}
  ~Ticket();
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;

  void answer(Response response);
  /// Answers 500; `what` was thrown.
  void fail(std::string what);
  /// true: nobody has answered, and from now on nobody else may.
  bool take() { return !taken_.exchange(true); }

 private:
  std::shared_ptr<Mailbox> mailbox_;
  RequestName name_;
  std::atomic<bool> taken_ = false;
};

Respond make_respond(std::shared_ptr<Ticket> ticket);

Response internal_error();
Response overloaded();  ///< 503: the queue is full

}  // namespace ratebook::http
