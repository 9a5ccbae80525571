#include "client/client.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <random>

namespace ratebook::client {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;
using Time = std::chrono::steady_clock::time_point;

constexpr std::size_t piece_bytes = 64 * 1024;
constexpr std::chrono::milliseconds tick{100};
// After a failed write the server's reason is already on its way, or never comes.
constexpr std::chrono::milliseconds after_failed_write{5'000};

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, [&](char x, char y) { return lower(x) == lower(y); });
}

bool is_header_text(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

/// A connection, with TLS or without.
class Wire {
 public:
  explicit Wire(asio::io_context& io) : socket(io) {}

  tcp::socket socket;

  /// From now on all goes through a session whose peer must be `host`.
  error_code wrap(const std::string& host, const std::string& ca_file) {
    error_code error;
    asio::ssl::context context{asio::ssl::context::tls_client};
    context.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
    if (ca_file.empty() ? context.set_default_verify_paths(error) : context.load_verify_file(ca_file, error)) {
      return error;
    }
    session_ = std::make_unique<Session>(socket, context);
    session_->set_verify_mode(asio::ssl::verify_peer);
    session_->set_verify_callback(asio::ssl::host_name_verification{host});
    error_code is_name;
    asio::ip::make_address(host, is_name);
    if (is_name) SSL_set_tlsext_host_name(session_->native_handle(), host.c_str());
    return {};
  }
  template <class Handler>
  void async_handshake(Handler handler) {
    session_->async_handshake(asio::ssl::stream_base::client, std::move(handler));
  }
  template <class Handler>
  void async_write(asio::const_buffer bytes, Handler handler) {
    if (session_) {
      asio::async_write(*session_, bytes, std::move(handler));
    } else {
      asio::async_write(socket, bytes, std::move(handler));
    }
  }
  template <class Handler>
  void async_read_some(asio::mutable_buffer room, Handler handler) {
    if (session_) {
      session_->async_read_some(room, std::move(handler));
    } else {
      socket.async_read_some(room, std::move(handler));
    }
  }
  /// Handlers that wait are called with an error; the session stays for them.
  void close() {
    error_code ignored;
    (void)socket.close(ignored);
  }
  void forget_session() { session_ = nullptr; }

 private:
  using Session = asio::ssl::stream<tcp::socket&>;
  std::unique_ptr<Session> session_;
};

/// One request and its answer on a connection: a write and a read are under way at the same time.
class Exchange {
 public:
  Exchange(asio::io_context& io, Wire& wire, const Request& request, std::string head, const Timeouts& timeouts)
      : io_(io), wire_(wire), request_(request), head_(std::move(head)), timeouts_(timeouts) {
    fresh_parser();
  }

  Result<Answer> run() {
    io_.restart();
    moved_at_ = std::chrono::steady_clock::now();
    write(asio::buffer(head_), 0);
    read();
    while (!finished_) {
      io_.run_one_for(tick);
      if (request_.progress) request_.progress(body_bytes_sent_);
      if (!finished_ && std::chrono::steady_clock::now() > deadline()) fault(Failure::unknown, late());
    }
    reusable_ = !fault_ && all_sent() && !writing_ && !reading_ && buffer_.size() == 0 && parser_->keep_alive();
    if (!reusable_) wire_.close();
    io_.restart();
    io_.run();  // handlers of what was cut off refer to this object
    if (fault_) return std::unexpected(*fault_);
    return answer();
  }

  bool reusable() const { return reusable_; }
  bool received_nothing() const { return !received_; }

 private:
  using Parser = beast::http::response_parser<beast::http::string_body>;

  void fresh_parser() {
    parser_.emplace();
    parser_->eager(true);
    parser_->body_limit(request_.take ? boost::optional<std::uint64_t>{} : answer_bytes_max);
    parser_->header_limit(64 * 1024);
  }

  bool all_sent() const { return head_sent_ && (!request_.body || body_bytes_sent_ == request_.body->bytes_total); }

  Time deadline() const {
    if (write_failed_) return moved_at_ + after_failed_write;
    return moved_at_ + (all_sent() && !received_ ? timeouts_.answer : timeouts_.stall);
  }

  std::string late() const {
    if (write_failed_) return "the connection broke while the request was sent";
    if (!all_sent()) return "the server takes no more of the request";
    return received_ ? "the server stopped in the middle of its answer" : "the server does not answer";
  }

  void fault(Failure failure, std::string message) {
    if (finished_) return;
    fault_ = Fault{failure, std::move(message)};
    finished_ = true;
  }

  void write(asio::const_buffer bytes, std::size_t body_bytes) {
    writing_ = true;
    wire_.async_write(bytes, [this, body_bytes](error_code error, std::size_t) {
      writing_ = false;
      if (finished_) return;
      moved_at_ = std::chrono::steady_clock::now();
      if (error) {
        write_failed_ = true;  // the read says what there is to say
        return;
      }
      head_sent_ = true;
      body_bytes_sent_ += body_bytes;
      if (!all_sent() && !parser_->is_header_done()) write_piece();
    });
  }

  void write_piece() {
    const std::uint64_t left = request_.body->bytes_total - body_bytes_sent_;
    const auto count = request_.body->read(std::span{piece_}.first(std::min<std::uint64_t>(left, piece_.size())));
    if (!count) return fault(count.error().failure, count.error().message);
    if (*count == 0) return fault(Failure::damaged, "what is sent became shorter meanwhile");
    write(asio::buffer(piece_.data(), *count), *count);
  }

  void read() {
    reading_ = true;
    wire_.async_read_some(buffer_.prepare(piece_bytes), [this](error_code error, std::size_t count) {
      reading_ = false;
      if (finished_) return;
      moved_at_ = std::chrono::steady_clock::now();
      buffer_.commit(count);
      received_ = received_ || count > 0;
      if (error) return end_of_stream(error);
      parse();
      moved_at_ = std::chrono::steady_clock::now();  // whoever takes the answer may have taken his time
      if (!finished_) read();
    });
  }

  void end_of_stream(error_code error) {
    error_code ignored;
    if (error == asio::error::eof && parser_->got_some()) parser_->put_eof(ignored);
    if (parser_->is_done()) {
      finished_ = true;
    } else {
      fault(Failure::unknown,
            received_ ? "the connection broke in the middle of the answer" : "the connection broke before the answer");
    }
  }

  void parse() {
    while (buffer_.size() > 0 && !parser_->is_done()) {
      error_code error;
      buffer_.consume(parser_->put(buffer_.data(), error));
      if (!hand_on()) return fault(Failure::full, "no more of the answer is wanted");
      if (error == beast::http::error::need_more) return;
      if (error == beast::http::error::body_limit) return fault(Failure::damaged, "the answer is too long");
      if (error) return fault(Failure::damaged, fmt::format("the answer is not HTTP ({})", error.message()));
      if (parser_->is_done() && parser_->get().result_int() < 200) fresh_parser();  // 1xx: the real one follows
    }
    if (parser_->is_done()) finished_ = true;
  }

  /// What has come of the body, where somebody takes it piece by piece. false: no more is wanted.
  bool hand_on() {
    if (!request_.take || !parser_->is_header_done() || parser_->get().result_int() != 200) return true;
    std::string& body = parser_->get().body();
    const bool wanted = body.empty() || request_.take(body);
    body.clear();
    return wanted;
  }

  Answer answer() {
    auto message = parser_->release();
    Answer result{.status = message.result_int(), .headers = {}, .body = std::move(message.body())};
    for (const auto& field : message) result.headers.emplace_back(field.name_string(), field.value());
    return result;
  }

  asio::io_context& io_;
  Wire& wire_;
  const Request& request_;
  std::string head_;
  Timeouts timeouts_;
  std::optional<Parser> parser_;
  beast::flat_buffer buffer_;
  std::vector<char> piece_ = std::vector<char>(piece_bytes);
  std::uint64_t body_bytes_sent_ = 0;
  Time moved_at_;
  std::optional<Fault> fault_;
  bool head_sent_ = false;
  bool writing_ = false;
  bool reading_ = false;
  bool write_failed_ = false;
  bool received_ = false;
  bool finished_ = false;
  bool reusable_ = false;
};

/// 16 hexadecimal digits, not all zero.
std::string random_digits() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device() | 1U);
}

}  // namespace

std::optional<std::string_view> Answer::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (same_name(key, name)) return value;
  }
  return std::nullopt;
}

Body text_body(std::string_view text) {
  return {.bytes_total = text.size(), .read = [text](std::span<char> piece) mutable -> Result<std::size_t> {
            const std::size_t count = text.copy(piece.data(), piece.size());
            text.remove_prefix(count);
            return count;
          }};
}

class Client::State {
 public:
  State(Url server, Timeouts timeouts, Credentials credentials)
      : server_(std::move(server)), timeouts_(timeouts), credentials_(std::move(credentials)) {}

  const Url& server() const { return server_; }

  Result<Answer> send(const Request& request) {
    request_id_ = random_digits();
    auto head = make_head(request);
    if (!head) return std::unexpected(head.error());
    const bool kept = is_open();
    if (!kept) {
      if (const auto connected = connect(); !connected) return std::unexpected(connected.error());
    }
    Exchange exchange{io_, wire_, request, *head, timeouts_};
    auto answer = exchange.run();
    if (answer || answer.error().failure != Failure::unknown) return answer;
    if (kept && exchange.received_nothing() && request.method == "GET") {
      return send(request);  // the connection is closed now, so this happens once
    }
    return fail(Failure::unknown, fmt::format("{} (request {})", answer.error().message, request_id_));
  }

 private:
  Result<std::string> make_head(const Request& request) const {
    std::string head = fmt::format("{} {}{} HTTP/1.1\r\nHost: {}\r\nUser-Agent: ratebook\r\n", request.method,
                                   server_.prefix, request.target, server_.authority());
    // The request's id is also its span of the trace that all requests of this client belong to.
    head += fmt::format("X-Request-Id: {0}\r\ntraceparent: 00-{1}-{0}-00\r\n", request_id_, trace_id_);
    if (!credentials_.token.empty()) {
      if (!is_header_text(credentials_.token)) return fail(Failure::conflict, "the token has control characters");
      head += fmt::format("Authorization: Bearer {}\r\n", credentials_.token);
    }
    for (const auto& [name, value] : request.headers) {
      if (!is_header_text(name) || !is_header_text(value)) {
        return fail(Failure::conflict, fmt::format("the header {} has control characters", name));
      }
      head += fmt::format("{}: {}\r\n", name, value);
    }
    if (request.body) {
      head += fmt::format("Content-Length: {}\r\n", request.body->bytes_total);
    } else if (request.method != "GET") {
      head += "Content-Length: 0\r\n";
    }
    return head + "\r\n";
  }

  /// Whether the connection of the call before can carry another: open, and silent, as it should be.
  bool is_open() {
    if (!wire_.socket.is_open()) return false;
    char byte = 0;
    const auto peeked = ::recv(wire_.socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (peeked < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
    wire_.close();
    return false;
  }

  Result<void> connect() {
    io_.restart();
    wire_.forget_session();
    std::optional<error_code> result;
    tcp::resolver resolver{io_};
    resolver.async_resolve(server_.host, server_.port, [&](error_code error, const tcp::resolver::results_type& found) {
      if (error || result) {
        result = error;
        return;
      }
      asio::async_connect(wire_.socket, found, [&](error_code failed, const tcp::endpoint&) {
        if (!failed && server_.tls) failed = wire_.wrap(server_.host, credentials_.ca_file);
        if (failed || !server_.tls) {
          result = failed;
        } else {
          wire_.async_handshake([&](error_code wrong) { result = wrong; });
        }
      });
    });
    const Time deadline = std::chrono::steady_clock::now() + timeouts_.connect;
    while (!result && std::chrono::steady_clock::now() < deadline) io_.run_one_until(deadline);
    const bool in_time = result.has_value();
    error_code ignored;
    if (!in_time) {
      result = asio::error::timed_out;
      resolver.cancel();
      wire_.close();
      io_.restart();
      io_.run();
    }
    if (in_time && !*result) {
      (void)wire_.socket.set_option(tcp::no_delay{true}, ignored);
      return {};
    }
    wire_.close();
    const bool tls = in_time && result->category() == asio::error::get_ssl_category();
    return fail(
        Failure::refused,
        fmt::format("cannot reach {}: {}{}", server_.authority(), in_time ? result->message() : "no connection in time",
                    tls ? "; where its certificate is one of your own, name who signed it: --ca FILE" : ""));
  }

  Url server_;
  Timeouts timeouts_;
  const std::string trace_id_ = random_digits() + random_digits();
  std::string request_id_;
  Credentials credentials_;
  asio::io_context io_;
  Wire wire_{io_};
};

Client::Client(Url server, Timeouts timeouts, Credentials credentials)
    : state_(std::make_unique<State>(std::move(server), timeouts, std::move(credentials))) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

const Url& Client::server() const { return state_->server(); }
Result<Answer> Client::send(const Request& request) { return state_->send(request); }

}  // namespace ratebook::client
