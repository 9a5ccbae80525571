// Accepts without blocking, and closes without resetting anybody.
#include "http/listener.hpp"

#include <fmt/format.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace ratebook::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr int backlog = 4096;                         // the kernel lowers it to net.core.somaxconn
constexpr std::chrono::milliseconds pause_time{100};  // after the process has run out of descriptors

/// Connections beyond the limit that are told so; more than these are closed without a word.
std::size_t refused_max(const ServerOptions& options) { return options.connections_max / 8 + 64; }

/// Lets the kernel drop what would begin a new connection (a segment with SYN and without ACK) and nothing else:
/// closing a listening socket resets whatever its queue holds, so first nothing may get into the queue any more. To
/// the client it is a lost packet; it tries again and finds the port closed.
void drop_new_connections(int descriptor) {
  constexpr std::uint32_t flags_offset = 13;  // of the TCP header (RFC 9293, 3.1)
  constexpr std::uint32_t syn = 0x02, syn_and_ack = 0x12;
  std::array<sock_filter, 5> program{{BPF_STMT(BPF_LD | BPF_B | BPF_ABS, flags_offset),
                                      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, syn_and_ack),
                                      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, syn, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0),
                                      BPF_STMT(BPF_RET | BPF_K, 0xffffffffU)}};
  const sock_fprog filter{program.size(), program.data()};
  // Where the system has no such filter a connection may be reset at the very end; there is nothing else to do.
  static_cast<void>(::setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter));
}

}  // namespace

Listener::Listener(const std::vector<std::unique_ptr<Core>>& cores, const ServerOptions& options)
    : cores_(cores), options_(options), acceptor_(cores.front()->context()), timer_(cores.front()->context()) {}

std::expected<std::uint16_t, std::string> Listener::listen() {
  const auto failed = [&](const boost::system::error_code& error) {
    const bool taken = error == asio::error::address_in_use;
    return std::unexpected{fmt::format("cannot listen on {}:{}: {}", options_.address, options_.port,
                                       taken ? "another program has this port" : error.message())};
  };
  boost::system::error_code error;
  const auto address = asio::ip::make_address(options_.address == "localhost" ? "127.0.0.1" : options_.address, error);
  if (error) return std::unexpected{fmt::format("cannot listen on {}: it is no IP address", options_.address)};
  const tcp::endpoint endpoint{address, options_.port};
  if (is_inherited()) {
    if (acceptor_.assign(endpoint.protocol(), options_.inherited_socket, error)) return failed(error);
  } else {
    if (acceptor_.open(endpoint.protocol(), error)) return failed(error);
    if (acceptor_.set_option(tcp::acceptor::reuse_address{true}, error)) return failed(error);
    if (acceptor_.bind(endpoint, error)) return failed(error);
    if (acceptor_.listen(backlog, error)) return failed(error);
  }
  // Accepted sockets inherit it.
  if (acceptor_.set_option(tcp::no_delay{true}, error)) return failed(error);
  if (acceptor_.non_blocking(true, error)) return failed(error);
  const tcp::endpoint bound = acceptor_.local_endpoint(error);
  if (error) return failed(error);
  return bound.port();
}

void Listener::start() { wait(); }

void Listener::wait() {
  acceptor_.async_wait(tcp::acceptor::wait_read, [this](boost::system::error_code error) {
    if (error) return;  // closed
    accept_all();
  });
}

void Listener::accept_all() {
  while (true) {
    tcp::endpoint remote;
    auto length = static_cast<socklen_t>(remote.capacity());
    const int descriptor = ::accept4(acceptor_.native_handle(), remote.data(), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) {
      remote.resize(length);
      hand_over(descriptor, remote);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return wait();
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      // The connection stays in the queue; asking at once again would only burn the core.
      timer_.expires_after(pause_time);
      return timer_.async_wait([this](boost::system::error_code error) {
        if (!error) accept_all();
      });
    } else if (errno == EBADF || errno == EINVAL) {
      return;
    }
  }
}

void Listener::hand_over(int descriptor, const tcp::endpoint& remote) {
  std::size_t connections = 0;
  Core* least = cores_.front().get();
  for (const auto& core : cores_) {
    connections += core->load();
    if (core->load() < least->load()) least = core.get();
  }
  if (connections >= options_.connections_max + refused_max(options_)) {
    ::close(descriptor);
    return;
  }
  ++least->load();
  const bool too_many = connections >= options_.connections_max;
  least->mailbox()->post([descriptor, remote, too_many](Core* core) { core->adopt(descriptor, remote, too_many); });
}

void Listener::retire(std::function<void()> done) {
  // What comes to an inherited socket from now on waits in its queue for the next server.
  if (!is_inherited()) drop_new_connections(acceptor_.native_handle());
  timer_.expires_after(settle_time);
  timer_.async_wait([this, finished = std::move(done)](boost::system::error_code) {
    accept_all();
    boost::system::error_code error;
    (void)acceptor_.close(error);
    finished();
  });
}

}  // namespace ratebook::http
