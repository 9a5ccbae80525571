// For tests: a server on a raw socket that plays a script, one part a connection, and keeps what it was sent. It says
// exactly the bytes that the test wants said, broken ones, too.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "client/client.hpp"

namespace ratebook::client {

/// The server's end of a connection.
class Peer {
 public:
  Peer(int descriptor, std::string address) : address_(std::move(address)), descriptor_(descriptor) {}
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() { ::close(descriptor_); }

  /// A request line and its headers; empty: the client has closed.
  std::string read_head() {
    while (!received_.contains("\r\n\r\n")) {
      if (!receive()) return {};
    }
    return take(received_.find("\r\n\r\n") + 4);
  }

  std::string read_body(std::size_t count) {
    while (received_.size() < count && receive()) {
    }
    return take(std::min(count, received_.size()));
  }

  /// Head and body of one request with Content-Length.
  std::string read_request() {
    std::string head = read_head();
    const auto at = head.find("Content-Length: ");
    return at == std::string::npos ? head : head + read_body(std::stoul(head.substr(at + 16)));
  }

  void say(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  /// A whole answer with a JSON body.
  void answer(std::string_view status_line, std::string_view body, std::string_view headers = "") {
    say("HTTP/1.1 " + std::string{status_line} + "\r\nContent-Type: application/json\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n" + std::string{headers} + "\r\n" + std::string{body});
  }

  /// Closes so that the client gets a reset instead of an end.
  void reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }

  const std::string& address() const { return address_; }

 private:
  bool receive() {
    char bytes[4096];
    const auto count = ::recv(descriptor_, bytes, sizeof bytes, 0);
    if (count > 0) received_.append(bytes, static_cast<std::size_t>(count));
    return count > 0;
  }

  std::string take(std::size_t count) {
    std::string taken = received_.substr(0, count);
    received_.erase(0, count);
    return taken;
  }

  std::string address_;  ///< of this server: http://127.0.0.1:PORT
  int descriptor_;
  std::string received_;
};

/// Serves one connection after the other, the first with the first part of the script; ends with the last part.
class ScriptedServer {
 public:
  using Part = std::function<void(Peer&)>;

  explicit ScriptedServer(std::vector<Part> script) : script_(std::move(script)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("no socket to listen on");
    }
    address_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread{[this] { serve(); }};
  }

  ~ScriptedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }

  const std::string& address() const { return address_; }

  /// How many connections have come so far.
  std::size_t connections() const {
    const std::lock_guard lock{mutex_};
    return connections_;
  }

 private:
  void serve() {
    for (const auto& part : script_) {
      const int descriptor = ::accept(listener_, nullptr, nullptr);
      if (descriptor < 0) return;
      {
        const std::lock_guard lock{mutex_};
        ++connections_;
      }
      Peer peer{descriptor, address_};
      part(peer);
    }
  }

  std::vector<Part> script_;
  int listener_ = -1;
  std::string address_;
  mutable std::mutex mutex_;
  std::size_t connections_ = 0;
  std::thread thread_;
};

inline Client client_of(const ScriptedServer& server, Timeouts timeouts = {}) {
  return Client{parse_url(server.address()).value(), timeouts};
}

}  // namespace ratebook::client
