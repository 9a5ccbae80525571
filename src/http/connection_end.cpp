// Waiting, running out of time, and the ways in which a connection ends.
#include <algorithm>
#include <utility>

#include "http/core.hpp"

namespace ratebook::http {

namespace asio = boost::asio;

static constexpr std::size_t lingered_bytes_a_step = 1 << 20;  // so that others get their turn
static constexpr std::chrono::milliseconds last_quiet_time{100};

void Connection::wait_readable() {
  if (std::exchange(wait_read_pending_, true)) return;
  auto ready = [this](boost::system::error_code error) {
    wait_read_pending_ = false;
    if (phase_ == Phase::gone) return release_if_done();
    if (error) return close();
    readable();
  };
  if (transport_.has_pending()) {
    asio::post(core_.context(), [ready] { ready({}); });
  } else if (transport_.read_waits_for_write()) {
    transport_.socket().async_wait(Socket::wait_write, ready);
  } else {
    transport_.socket().async_wait(Socket::wait_read, ready);
  }
}

void Connection::wait_writable() {
  if (std::exchange(wait_write_pending_, true)) return;
  transport_.socket().async_wait(Socket::wait_write, [this](boost::system::error_code error) {
    wait_write_pending_ = false;
    if (phase_ == Phase::gone) return release_if_done();
    if (error) return close();
    advance();
  });
}

void Connection::wait_for(Waiting waiting, bool renew) {
  if (waiting == waiting_ && !renew) return;
  waiting_ = waiting;
  deadline_ = waiting == Waiting::nothing ? Clock::time_point::max() : core_.now() + limit(waiting);
  if (is_bounded_as_a_whole()) deadline_ = std::min(deadline_, request_deadline());
}

/// A client that is slow but steady moves the deadlines of a body and of an answer on and on.
bool Connection::is_bounded_as_a_whole() const {
  return waiting_ == Waiting::body || (waiting_ == Waiting::write && phase_ != Phase::streaming);
}

Connection::Clock::time_point Connection::request_deadline() const {
  return exchange_.started + core_.service().options.request_timeout;
}

Connection::Clock::duration Connection::limit(Waiting waiting) const {
  const ServerOptions& options = core_.service().options;
  switch (waiting) {
    case Waiting::request:
      return serial_ == 0 ? options.first_byte_timeout : options.idle_timeout;
    case Waiting::head:
      return options.header_timeout;
    case Waiting::body:
      return options.body_idle_timeout;
    case Waiting::write:
      return options.write_timeout;
    case Waiting::heartbeat:
      return options.heartbeat_time;
    case Waiting::linger:
      return options.linger_time;
    case Waiting::nothing:
      break;
  }
  return Clock::duration::max();
}

void Connection::check(Clock::time_point now) {
  if (phase_ == Phase::gone) return;
  if (now >= deadline_) return time_out();
  leave_if_quiet();
}

void Connection::time_out() {
  switch (waiting_) {
    case Waiting::request:
      return linger();
    case Waiting::head:
      if (transport_.is_shaking_hands()) return close();
      respond_to_nothing(problem(408, "timeout", "Request timeout", "the request's head did not arrive in time"));
      return advance();
    case Waiting::body:
      fail_body(problem(408, "timeout", "Request timeout",
                        core_.now() < request_deadline()
                            ? "the body stopped arriving"
                            : "the body took too long as a whole; send it faster, or in smaller parts"));
      return advance();
    case Waiting::heartbeat:
      append_chunk(":\n\n");
      return advance();
    case Waiting::write:
    case Waiting::linger:
      return close();
    case Waiting::nothing:
      return;
  }
}

void Connection::enter(Stage stage) {
  switch (stage) {
    case Stage::serving:
      return;
    case Stage::draining:
    case Stage::leaving:
      if (phase_ == Phase::streaming && events_) events_->stream().close();
      return leave_if_quiet();
    case Stage::closing:
      return end_soon();
    case Stage::cut:
      return close();
  }
}

/// Whether the client has sent what changes something, and does not know yet what became of it.
bool Connection::is_changing() const {
  if (!exchange_.changes || phase_ == Phase::pieces || phase_ == Phase::streaming) return false;
  return phase_ != Phase::head || closing_;
}

/// Everybody but these goes now, so that nobody who only reads, or does not even do that, holds up the end.
void Connection::end_soon() {
  if (phase_ == Phase::gone || is_changing()) return;
  const bool idle = phase_ == Phase::head && waiting_ == Waiting::request;
  if (phase_ != Phase::working && !idle) return close();
  if (idle) return linger();
  Response response = problem(503, "ending", "This node is about to end", "ask again, or another node");
  response.headers.emplace_back("Retry-After", "1");
  respond_owned(std::move(response));
  advance();
}

/// While the server leaves, a kept connection goes when it has been quiet for a while: one whose client sends request
/// after request gets its next one answered, with Connection: close. Nor does one wait long for a client that has its
/// answer and just does not close.
void Connection::leave_if_quiet() {
  if (core_.stage() < Stage::leaving) return;
  const auto quiet_time = core_.stage() >= Stage::closing && !is_changing() ? last_quiet_time : core_.quiet_time();
  if (core_.now() - active_at_ < quiet_time) return;
  if (phase_ == Phase::lingering) return close();
  if (phase_ != Phase::head || closing_ || waiting_ != Waiting::request) return;
  boost::system::error_code error;
  if (transport_.socket().available(error) > 0) return;  // a request is here; its wake-up is on the way
  linger();
}

/// Says that no more will come, then gives the client time to read what did: closing with unread bytes in the socket
/// would reset the connection, and take the answer with it.
void Connection::linger() {
  if (!transport_.finish_sending()) return close();
  phase_ = Phase::lingering;
  linger_until_ = core_.now() + core_.service().options.linger_time_max;
  input_ = {};
  wait_for(Waiting::linger, true);
  wait_readable();
}

void Connection::read_lingering() {
  std::vector<char>& in = core_.scratch.in;
  const ServerOptions& options = core_.service().options;
  // Beyond the bound the client's sending stalls, until the deadline.
  if (lingered_bytes_ > options.lingered_bytes_max) return;
  const std::size_t lingered_before = lingered_bytes_;
  Got got;
  while (!got.would_block && lingered_bytes_ - lingered_before < lingered_bytes_a_step) {
    got = transport_.read(in.data(), in.size());
    if (got.ended) return close();
    lingered_bytes_ += got.bytes;
  }
  active_at_ = core_.read_clock();
  deadline_ = std::min(active_at_ + options.linger_time, linger_until_);
  wait_readable();
}

void Connection::close() {
  if (phase_ == Phase::gone) return;
  const Phase last = std::exchange(phase_, Phase::gone);
  deadline_ = Clock::time_point::max();
  core_.scratch.out.clear();
  if (last == Phase::body) abandon_body();
  // The client has gone: that is no error of the handler.
  if (last == Phase::pieces) end_pieces({});
  end_stream();
  transport_.close();
  release_if_done();
}

/// A worker that is feeding comes back with a letter first; the letter of any other finds nobody, which does no harm.
void Connection::release_if_done() {
  if (wait_read_pending_ || wait_write_pending_ || body_) return;
  core_.release(id_);
}

}  // namespace ratebook::http
