// One thread that serves its connections: nothing in here is touched by another thread but the mailbox and the load.
#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "http/asio.hpp"
#include "http/connection.hpp"
#include "http/mailbox.hpp"
#include "http/pages.hpp"
#include "http/router.hpp"
#include "http/server.hpp"
#include "http/stream_memory.hpp"
#include "http/ticket.hpp"
#include "http/tls.hpp"
#include "http/worker_pool.hpp"

namespace ratebook::http {

/// What all cores share, and nobody changes while they run.
struct Service {
  ServerOptions options;
  Router router;
  Pages pages;
  std::shared_ptr<StreamMemory> stream_memory;
  std::function<void(const Answered&)> answered;
  std::array<WorkerPool, 3> pools;              ///< a lane's each
  std::unique_ptr<TlsCertificate> certificate;  ///< null: no TLS

  WorkerPool& workers(Lane lane) { return pools.at(static_cast<std::size_t>(lane)); }
};

/// serving → draining (event streams end, answers say Connection: close) → leaving (idle connections go) → closing (all
/// go but who sends what changes something) → cut (all go).
enum class Stage { serving, draining, leaving, closing, cut };

class Core {
 public:
  using Clock = std::chrono::steady_clock;
  using Socket = boost::asio::ip::tcp::socket;

  explicit Core(Service& service);
  ~Core();

  /// Until it has left and its last connection is gone.
  void run();
  /// After run(): opens the letters that came too late, and takes no more.
  void close();
  boost::asio::io_context& context() { return context_; }
  const std::shared_ptr<Mailbox>& mailbox() { return mailbox_; }
  /// Connections that it has, or is about to get.
  std::atomic<std::size_t>& load() { return load_; }

  // Letters, each on the core's thread.
  void adopt(int descriptor, const boost::asio::ip::tcp::endpoint& remote, bool too_many);
  void enter(Stage stage);
  void answer(RequestName name, Response response, const std::string& error);
  void take_fed(std::uint64_t connection, const Connection::Fed& fed);
  void take_piece(RequestName name, Connection::Piece piece);
  void open_stream(RequestName name, const Response& response, const std::shared_ptr<EventQueue>& queue);
  void send_events(std::uint64_t connection);

  // For its connections.
  Service& service() { return service_; }
  Stage stage() const { return stage_; }
  Clock::time_point now() const { return now_; }  ///< as of the last tick or request
  Clock::time_point read_clock() { return now_ = Clock::now(); }
  std::string_view date() const { return date_; }
  /// Unique among all requests of this process, and hard to meet elsewhere; valid until the next call.
  std::string_view fresh_request_id();
  /// Why this request is not answered as it asks: it is another server that it names, or a foreign page sends it.
  std::optional<Response> refusal(const Request& request, const Head& head, bool changes);
  /// The connection is done with; it is destroyed when nobody is inside it any more.
  void release(std::uint64_t connection);
  /// After an idle time that this long a kept connection is unlikely to be in use just now.
  Clock::duration quiet_time() const { return quiet_time_; }

  /// Used by one connection at a time, within one step, so that it stays in the processor's cache.
  struct Scratch {
    std::vector<char> in;
    std::string out;  ///< empty between two steps
    Request request;
    Response response;
  };
  Scratch scratch;

 private:
  void schedule_tick();
  void tick();
  Connection* find(std::uint64_t connection);
  void stop_if_empty();

  Service& service_;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer tick_timer_;
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  std::atomic<std::size_t> load_ = 0;
  Stage stage_ = Stage::serving;
  bool stopped_ = false;
  Clock::duration tick_time_;
  Clock::duration quiet_time_;
  Clock::time_point now_ = Clock::now();
  std::chrono::sys_seconds date_time_;
  std::string date_;
  std::string known_host_ = "localhost";  ///< the last one that was let in: most clients use the same
  std::uint64_t request_id_seed_;
  std::array<char, 16> request_id_{};
  std::uint64_t last_connection_ = 0;
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
};

}  // namespace ratebook::http
