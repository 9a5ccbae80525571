// For this folder's tests: a server on a free port of loopback, and a client that shows what goes over the wire.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "http/server.hpp"

namespace ratebook::http::testing {

/// Asks again and again, for at most 10 s.
bool comes_true(const std::function<bool()>& condition);

struct Answer {
  unsigned status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  std::string head;  ///< as it came

  bool closes() const { return headers.contains("connection") && headers.at("connection") == "close"; }
  bool is_problem(std::string_view type) const;
};

/// One connection. Reads give up after 20 s, which fails whatever test waits in vain.
class Client {
 public:
  explicit Client(std::uint16_t port);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return connected_; }
  /// false: the server does not take it any more.
  bool send(std::string_view bytes);
  /// One response, by its Content-Length, its chunks, or (`without_body`) its head alone. nullopt: the end came first.
  std::optional<Answer> read_answer(bool without_body = false);
  /// Sends and reads.
  std::optional<Answer> ask(std::string_view bytes);
  /// Until `text` has come; what came. nullopt: the end came first.
  std::optional<std::string> read_until(std::string_view text);
  /// Nothing more comes, and the server has closed in order.
  bool at_end();
  void finish_sending();
  /// Closes at once, by a reset.
  void reset();
  /// Makes the kernel's buffers small, so that a client that does not read is felt soon. For a fresh one, by the port.
  static std::unique_ptr<Client> with_small_buffer(std::uint16_t port);

 private:
  Client() = default;
  void connect(std::uint16_t port);
  bool fill();
  bool read_chunks(std::string& body);

  int socket_ = -1;
  bool connected_ = false;
  bool reset_seen_ = false;
  std::string buffer_;
};

class RunningServer {
 public:
  explicit RunningServer(std::vector<Route> routes, ServerOptions options = quick_options(),
                         std::function<void(const Answered&)> answered = {});
  ~RunningServer();

  static ServerOptions quick_options();
  std::uint16_t port() const { return port_; }
  void stop() { server_.stop(); }
  void wait_until_done();

 private:
  Server server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

/// A GET of `path`, kept alive.
std::string get(std::string_view path);

}  // namespace ratebook::http::testing
