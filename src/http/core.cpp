// The event loop's thread: connections in a map, a coarse tick for every deadline, letters from outside.
#include "http/core.hpp"

#include <unistd.h>

#include <algorithm>
#include <random>

#include "http/event_queue.hpp"
#include "http/response_head.hpp"

namespace ratebook::http {
namespace {

constexpr std::size_t in_bytes = 32 * 1024;
constexpr std::chrono::milliseconds leaving_tick_time{20};  // what is quiet goes soon, as the end is near

Core::Clock::duration tick_time(const ServerOptions& options) {
  const auto shortest =
      std::min({options.header_timeout, options.first_byte_timeout, options.idle_timeout, options.body_idle_timeout,
                options.write_timeout, options.request_timeout, options.linger_time, options.heartbeat_time});
  return std::clamp(shortest / 8, std::chrono::milliseconds{5}, std::chrono::milliseconds{250});
}

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32U) ^ device();
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): a bijection, so different counts stay different.
std::uint64_t scramble(std::uint64_t x) {
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

}  // namespace

// The hint takes the locks off the sockets, which only this thread touches; posting stays safe from any thread.
Core::Core(Service& service)
    : service_(service),
      context_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO),
      work_(context_.get_executor()),
      tick_timer_(context_),
      tick_time_(tick_time(service.options)),
      quiet_time_(std::min(service.options.answer_grace_time * 3 / 4, service.options.grace_time / 2)),
      request_id_seed_(random_seed()) {
  scratch.in.resize(in_bytes);
  mailbox_->open([this](Mailbox::Letter letter) {
    boost::asio::post(context_, [this, opened = std::move(letter)]() mutable { opened(this); });
  });
}

Core::~Core() { mailbox_->close(); }

void Core::run() {
  tick();
  context_.run();
}

void Core::close() {
  mailbox_->close();
  context_.restart();
  context_.poll();
}

void Core::schedule_tick() {
  if (stopped_) return;
  tick_timer_.expires_after(tick_time_);
  tick_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) tick();
  });
}

void Core::tick() {
  read_clock();
  const auto wall = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  if (wall != date_time_) {
    date_time_ = wall;
    date_ = format_date(wall);
  }
  for (const auto& [id, connection] : connections_) connection->check(now_);
  schedule_tick();
}

std::string_view Core::fresh_request_id() {
  constexpr std::string_view hex = "0123456789abcdef";
  std::uint64_t bits = scramble(request_id_seed_ += 0x9e3779b97f4a7c15U);
  for (char& digit : request_id_) {
    digit = hex[bits & 15U];
    bits >>= 4U;
  }
  return {request_id_.data(), request_id_.size()};
}

std::optional<Response> Core::refusal(const Request& request, const Head& head, bool changes) {
  if (head.host && *head.host != known_host_) {
    if (!service_.pages.is_ours(*head.host)) return Pages::wrong_host(*head.host);
    known_host_ = *head.host;
  }
  return changes ? service_.pages.foreign(request, head.host.value_or("")) : std::nullopt;
}

Connection* Core::find(std::uint64_t connection) {
  const auto found = connections_.find(connection);
  return found == connections_.end() ? nullptr : found->second.get();
}

void Core::adopt(int descriptor, const boost::asio::ip::tcp::endpoint& remote, bool too_many) {
  Socket socket{context_};
  boost::system::error_code error;
  if (socket.assign(remote.protocol(), descriptor, error)) {
    ::close(descriptor);  // the kernel lets this process watch no more of them
    --load_;
    return;
  }
  const std::uint64_t id = ++last_connection_;
  Transport transport{std::move(socket), service_.certificate ? service_.certificate->identity() : nullptr};
  auto connection = std::make_unique<Connection>(*this, id, std::move(transport), remote);
  Connection& kept = *connections_.emplace(id, std::move(connection)).first->second;
  if (stage_ >= Stage::closing) {
    kept.enter(stage_);
  } else if (too_many) {
    kept.refuse();
  } else {
    kept.begin();
  }
}

void Core::release(std::uint64_t connection) {
  boost::asio::post(context_, [this, connection] {
    connections_.erase(connection);
    --load_;
    stop_if_empty();
  });
}

void Core::enter(Stage stage) {
  stage_ = std::max(stage_, stage);
  read_clock();
  for (const auto& [id, connection] : connections_) connection->enter(stage);
  if (stage_ >= Stage::leaving) {
    tick_time_ = std::min<Clock::duration>(tick_time_, leaving_tick_time);
    schedule_tick();
  }
  stop_if_empty();
}

void Core::stop_if_empty() {
  if (stage_ < Stage::leaving || !connections_.empty()) return;
  stopped_ = true;
  tick_timer_.cancel();
  work_.reset();
}

void Core::answer(RequestName name, Response response, const std::string& error) {
  if (Connection* connection = find(name.connection)) {
    connection->answer(name.serial, std::move(response), error);
  }
}

void Core::take_fed(std::uint64_t connection, const Connection::Fed& fed) {
  if (Connection* found = find(connection)) found->take_fed(fed);
}

void Core::take_piece(RequestName name, Connection::Piece piece) {
  if (Connection* found = find(name.connection)) found->take_piece(name.serial, std::move(piece));
}

void Core::open_stream(RequestName name, const Response& response, const std::shared_ptr<EventQueue>& queue) {
  Connection* connection = find(name.connection);
  if (connection != nullptr && connection->open_stream(name.serial, response, queue)) return;
  if (auto closed = queue->end_connection()) service_.workers(Lane::memory).push(std::move(closed));
}

void Core::send_events(std::uint64_t connection) {
  if (Connection* found = find(connection)) found->send_events();
}

}  // namespace ratebook::http
