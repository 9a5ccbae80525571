// One connection, from accept to close; it lives on its core's thread.
//
//          ┌──────────── answered, kept ───────────┐
//          ▼                                       │
//   head ──┬─ Immediate ───────────────────────────┤
//          ├─ Deferred ─▶ working ─────────────────┤
//          └─ Uploading ─▶ body ⇄ feeding ─▶ working
//             Streaming ─▶ working ─▶ streaming ─┐ └─ answered (some in pieces), closed ─▶ lingering ─▶ gone
//                                                └──────────────────────────▲
#pragma once
#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/asio.hpp"
#include "http/chunked_body.hpp"
#include "http/event_queue.hpp"
#include "http/http.hpp"
#include "http/request_head.hpp"
#include "http/ticket.hpp"
#include "http/transport.hpp"
#include "http/worker_pool.hpp"

namespace ratebook::http {

class Core;
enum class Stage;

class Connection {
 public:
  using Clock = std::chrono::steady_clock;
  using Socket = Transport::Socket;

  Connection(Core& core, std::uint64_t id, Transport transport, const boost::asio::ip::tcp::endpoint& remote);
  ~Connection();

  void begin();
  /// Answers 503 whatever comes, and closes.
  void refuse();
  /// Looks at its deadline, and whether it should leave.
  void check(Clock::time_point now);
  /// The server's stop has come this far.
  void enter(Stage stage);

  void answer(std::uint64_t serial, Response response, const std::string& error);
  /// What Upload::feed said.
  struct Fed {
    bool wants_more = false;
    std::string error;  ///< what it threw instead
  };
  void take_fed(const Fed& fed);
  /// What Response::pieces said.
  using Piece = std::expected<std::string, std::string>;
  void take_piece(std::uint64_t serial, Piece piece);
  /// false: the request is not waiting for this any more.
  bool open_stream(std::uint64_t serial, const Response& response, std::shared_ptr<EventQueue> queue);
  void send_events();

 private:
  enum class Phase { head, body, feeding, working, streaming, pieces, lingering, gone };
  /// What its deadline is for.
  enum class Waiting { nothing, request, head, body, write, heartbeat, linger };
  /// The request that is being answered.
  struct Exchange {
    const Route* route = nullptr;
    Clock::time_point started;
    bool keep_alive = false;
    bool is_head = false;
    bool is_http_1_1 = true;
    bool changes = false;  ///< something, by its method: whoever sends it has to know what became of it
  };
  /// What a worker works on while the core keeps its hands off.
  struct Transfer {
    Upload upload;
    std::string piece;
  };
  /// The body that is being read.
  struct Body {
    std::shared_ptr<Transfer> transfer;
    bool unwanted = false;  ///< read and dropped, for a handler that takes none
    bool let_in = false;    ///< the worker pool has taken it on
    bool owes_continue = false;
    bool done = false;
    std::optional<ChunkedBody> chunks;  ///< else:
    std::uint64_t left_bytes = 0;       ///< to come
    std::uint64_t received_bytes = 0;
  };

  // connection.cpp: heads in, answers out
  void readable();
  void read_head();
  void serve(std::string_view input);
  void dispatch(std::string_view head_bytes);
  void handle(const Request& request, const Head& head, std::string_view head_bytes);
  bool pass(const Request& request, const Head& head);
  bool is_refused(const Request& request, std::string& error);
  bool call_at_once(const Handler& handler, const Request& request);
  void respond(const Request& request, Response& response, std::string_view error = {});
  void report(const Request& request, unsigned status, std::size_t body_bytes, std::string_view error);
  /// Answers what is no request, and closes.
  void respond_to_nothing(Response response);
  void refuse_plain_http();
  void respond_closing(const Request& request, Response response);
  void advance();
  bool flush();

  // connection_end.cpp: waiting, deadlines, closing
  void wait_readable();
  void wait_writable();
  using Got = Transport::Got;
  void wait_for(Waiting waiting, bool renew);
  Clock::duration limit(Waiting waiting) const;
  bool is_bounded_as_a_whole() const;
  Clock::time_point request_deadline() const;
  void time_out();
  void leave_if_quiet();
  void end_soon();
  bool is_changing() const;
  void linger();
  void read_lingering();
  void close();
  void release_if_done();

  // connection_work.cpp: bodies and workers
  void begin_work(const Request& request, const Head& head, std::string_view head_bytes);
  void agree(const Uploading& handler, const Head& head);
  void begin_body(const Head& head, std::optional<Upload> upload);
  bool read_body();
  bool fill_piece(Got& got);
  bool fill_from_chunks(std::size_t piece_bytes, Got& got);
  void fill_plainly(std::size_t piece_bytes, Got& got);
  std::uint64_t body_bytes_max() const;
  void feed();
  void finish_body();
  void fail_body(Response response, std::string_view error = {});
  void abandon_body();
  void call_handler();
  void call_on_worker();
  void defer(const Deferred& handler);
  void start_stream(const Streaming& handler);
  void begin_working();
  WorkerPool& workers();
  void respond_owned(Response response, std::string_view error = {});
  RequestName name() const { return {id_, serial_}; }

  // connection_pieces.cpp
  void begin_pieces(Response response);
  void ask_for_piece();
  void end_pieces(std::string_view error);

  // connection_stream.cpp
  void append_chunk(std::string_view text);
  bool append_events();
  bool advance_stream();
  void read_streaming();
  void end_stream();

  /// An answer that is made while it is sent.
  struct PieceMaker {
    Pieces next;  ///< a worker's, while asked
    unsigned status = 200;
    WorkerPool& workers;
    bool asked = false;
    std::size_t bytes = 0;  ///< made so far
  };

  Core& core_;
  const std::uint64_t id_;
  Transport transport_;
  const std::string remote_;
  Phase phase_ = Phase::head;
  Waiting waiting_ = Waiting::nothing;
  bool wait_read_pending_ = false;
  bool wait_write_pending_ = false;
  bool closing_ = false;  ///< the last answer is on its way
  bool served_ = false;   ///< an answer since the deadline was set
  Clock::time_point deadline_ = Clock::time_point::max();
  Clock::time_point active_at_;

  std::string input_;              ///< read, not used yet
  std::size_t scanned_bytes_ = 0;  ///< of it, without the end of a head
  std::string unsent_;             ///< what the client was too slow to take; then
  std::string big_body_;           ///< a body too big to copy
  std::size_t big_body_sent_ = 0;

  Exchange exchange_;
  std::uint64_t serial_ = 0;                ///< of the request that is being answered
  std::shared_ptr<const Request> request_;  ///< where the handler is not Immediate
  std::unique_ptr<Body> body_;
  std::shared_ptr<EventQueue> events_;
  std::shared_ptr<PieceMaker> maker_;
  Clock::time_point linger_until_;
  std::size_t lingered_bytes_ = 0;
};

}  // namespace ratebook::http
