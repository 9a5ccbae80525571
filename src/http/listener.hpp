// The listening socket: hands each new connection to the core that has the fewest. One socket, not one a core: the
// kernel would spread few connections unevenly over several, and a port that is taken would go unnoticed.
#pragma once
#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "http/asio.hpp"
#include "http/core.hpp"

namespace ratebook::http {

class Listener {
 public:
  /// How long retire() waits for handshakes that are on their way.
  static constexpr std::chrono::milliseconds settle_time{100};

  /// `cores` outlive it; it lives on the first one's thread.
  Listener(const std::vector<std::unique_ptr<Core>>& cores, const ServerOptions& options);

  std::expected<std::uint16_t, std::string> listen();
  void start();
  /// Takes no new connections, hands over all that are established, closes, and then calls `done`.
  void retire(std::function<void()> done);

 private:
  bool is_inherited() const { return options_.inherited_socket >= 0; }
  void wait();
  void accept_all();
  void hand_over(int descriptor, const boost::asio::ip::tcp::endpoint& remote);

  const std::vector<std::unique_ptr<Core>>& cores_;
  const ServerOptions& options_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer timer_;
};

}  // namespace ratebook::http
