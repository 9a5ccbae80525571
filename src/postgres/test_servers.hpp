// For this folder's tests: servers on loopback that give no answer, or no answer any more.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <string>
#include <thread>
#include <vector>

#include "postgres/test_database.hpp"

namespace ratebook::postgres {

/// Listens on loopback; by itself it says nothing to who connects.
class SilentServer {
 public:
  SilentServer() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(socket_, 5), 0);
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = std::to_string(ntohs(address.sin_port));
  }
  ~SilentServer() { close(socket_); }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;
  int socket() const { return socket_; }
  const std::string& port() const { return port_; }

 private:
  const int socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
  std::string port_;
};

/// Hands everything on to the server, until questions are to have no answer any more.
class Proxy {
 public:
  explicit Proxy(const Sql& sql) : path_(sql.host() + "/.s.PGSQL." + sql.port()) {}
  ~Proxy() {
    accepting_.request_stop();
    accepting_.join();
    pumps_.clear();
  }
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;
  const std::string& port() const { return listener_.port(); }
  void keep_questions() { keeps_questions_ = true; }
  /// Each question then takes at least twice as long, there and back.
  void slow_down(std::chrono::milliseconds delay) { delay_ = delay; }

 private:
  static bool has_input(int from) {
    pollfd watched{from, POLLIN, 0};
    return poll(&watched, 1, 10) > 0;
  }
  void accept_some(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (!has_input(listener_.socket())) continue;
      const int client = accept(listener_.socket(), nullptr, nullptr);
      const int server = socket(AF_UNIX, SOCK_STREAM, 0);
      sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
      path_.copy(address.sun_path, sizeof address.sun_path - 1);
      EXPECT_EQ(connect(server, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
      pumps_.emplace_back([this, client, server](const std::stop_token& end) {
        while (!end.stop_requested() && pump(client, server) && pump(server, client)) continue;
        close(client);
        close(server);
      });
    }
  }
  bool pump(int from, int to) const {
    if (!has_input(from)) return true;
    std::string bytes(1U << 16U, '\0');
    const auto got = recv(from, bytes.data(), bytes.size(), 0);
    if (got <= 0) return false;
    bytes.resize(static_cast<std::size_t>(got));
    std::this_thread::sleep_for(delay_.load());
    if (keeps_questions_ && bytes.contains("pg_logical_emit_message")) return true;
    return send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL) == got;
  }

  const std::string path_;
  const SilentServer listener_;
  std::atomic<bool> keeps_questions_ = false;
  std::atomic<std::chrono::milliseconds> delay_{std::chrono::milliseconds{0}};
  std::vector<std::jthread> pumps_;
  std::jthread accepting_{[this](const std::stop_token& stop) { accept_some(stop); }};
};

}  // namespace ratebook::postgres
