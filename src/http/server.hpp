// A thread-per-core HTTP/1.1 server: a connection goes to the core with the fewest and stays there, from the first byte
// to the last; bodies and slow work go to worker pools.
//
//   accept ─┬─▶ core 0: read ─ parse ─ Immediate ─ write        workers: Deferred, Upload.feed/finish, Streaming
//           └─▶ core 1: read ─ parse ─ …                                 ▲ bounded queue; full: 503
#pragma once
#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "http/http.hpp"
#include "http/tls.hpp"

namespace ratebook::http {

/// Those that this process may run on, not all that the machine has: two threads that share a core take turns of
/// milliseconds, which the slowest answers show. At least 1.
unsigned usable_cores();

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080;  ///< 0 picks a free one
  TlsOptions tls;
  /// Names that it is called by, separated by commas, besides `localhost` and addresses; `*`: any name
  std::string hosts;
  /// Origins other than its own, such as `https://pages.example.com`, separated by commas, whose pages may send what
  /// changes something; `*`: any
  std::string origins;
  bool any_host = false;      ///< where `hosts` says nothing, any name is one: nothing is told without a token
  int inherited_socket = -1;  ///< one that listens at that address already, and goes on when this server has ended
  unsigned cores = 0;         ///< threads that serve connections; 0: as many as the process may run on
  unsigned workers = 32;      ///< threads of each lane, for uploads and slow work: they mostly wait
  std::size_t work_queue_max = 1024;  ///< of each lane
  std::size_t connections_max = 10'000;
  std::size_t header_bytes_max = 16 * 1024;
  std::size_t target_bytes_max = 8 * 1024;
  std::size_t piece_bytes = 256 * 1024;  ///< a body comes to Upload.feed in pieces of at most this
  std::size_t body_bytes_max = std::size_t{4} << 30;
  std::size_t drained_bytes_max = 1 << 20;           ///< of a body that a handler has no use for
  std::size_t lingered_bytes_max = 1U << 30;         ///< read and dropped behind the last answer, so that it arrives
  std::size_t stream_bytes_waiting_max = 1 << 20;    ///< of one event stream
  std::size_t streams_bytes_waiting_max = 64 << 20;  ///< of all together
  std::chrono::milliseconds header_timeout{10'000};  ///< from the first byte of a request to the end of its headers
  std::chrono::milliseconds first_byte_timeout{30'000};  ///< of a new connection
  std::chrono::milliseconds idle_timeout{75'000};        ///< between requests
  std::chrono::milliseconds body_idle_timeout{30'000};
  std::chrono::milliseconds write_timeout{30'000};
  /// From a request's headers to the last byte of its body, and of its answer, however steadily they go; no event
  /// stream
  std::chrono::milliseconds request_timeout{3'600'000};
  std::chrono::milliseconds linger_time{5'000};       ///< for a client to read the last answer: without a byte of it,
  std::chrono::milliseconds linger_time_max{30'000};  ///< and in all
  std::chrono::milliseconds heartbeat_time{15'000};   ///< a comment on an event stream at least this often
  std::chrono::milliseconds drain_time{0};            ///< after stop(): go on serving as before, with Connection: close
  /// After that: for answers that are under way, to who only reads; part of grace_time
  std::chrono::milliseconds answer_grace_time{600};
  std::chrono::milliseconds grace_time{30'000};  ///< for who is sending what changes something, then all is cut off
};

/// Told of each answer: for metrics and the access log. Called on the core's thread.
struct Answered {
  const Request& request;  ///< empty where what came was none
  std::string_view route, method, target, remote, request_id;
  unsigned status;
  std::chrono::nanoseconds took;
  std::size_t body_bytes;
  std::string_view error;  ///< what a handler threw, for the log; mostly empty
};

class Server {
 public:
  Server(ServerOptions options, std::vector<Route> routes, std::function<void(const Answered&)> answered);
  ~Server();

  /// Binds and listens; returns the port, or what is wrong in words for people (such as a port that is taken).
  std::expected<std::uint16_t, std::string> listen();
  /// Reads the certificate and its key again, for new connections; where they are wrong, says so and goes on with those
  /// that it has. From any thread.
  std::expected<void, std::string> reread_certificate();
  /// Serves until stop() has run its course: no client is left.
  void run();
  /// After run(): waits for what workers are still at, which nobody waits for any more. The destructor does so, too.
  void finish();
  /// From any thread, also twice: ends event streams, goes on serving for drain_time, then stops accepting and waits
  /// for answers at most answer_grace_time, for bodies that are being sent at most grace_time. Requests on kept
  /// connections are answered until the last moment.
  void stop();

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace ratebook::http
