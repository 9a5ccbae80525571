// The way of most requests: read, parse, call, write, with no allocation where the handler makes none.
#include "http/connection.hpp"

#include <exception>
#include <utility>

#include "http/core.hpp"
#include "http/response_head.hpp"
#include "http/text.hpp"

namespace ratebook::http {
namespace {

namespace asio = boost::asio;

constexpr std::size_t out_bytes_max = 64 * 1024;  // pipelined answers go out when they are this long together
constexpr std::size_t copied_body_bytes_max = 16 * 1024;
constexpr std::size_t written_bytes_max = 1 << 20;    // in one step, so that others get their turn
constexpr std::size_t kept_body_bytes_max = 1 << 20;  // what the shared response may keep for the next

/// A client's id goes into logs and back into a header: only what can do no harm there.
bool is_sane_id(std::string_view id) {
  return !id.empty() && id.size() <= 128 && std::ranges::all_of(id, [](char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || std::string_view{"-_.:/+=@"}.contains(c);
  });
}

std::string format_remote(const asio::ip::tcp::endpoint& remote) {
  const std::string address = remote.address().to_string();
  const std::string port = std::to_string(remote.port());
  return remote.address().is_v6() ? "[" + address + "]:" + port : address + ":" + port;
}

std::string_view target_of(const Request& request) {
  if (request.query_.empty()) return request.path_;
  // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): two pointers into one text
  return {request.path_.data(), request.query_.data() + request.query_.size()};
}

}  // namespace

Connection::Connection(Core& core, std::uint64_t id, Transport transport, const asio::ip::tcp::endpoint& remote)
    : core_(core), id_(id), transport_(std::move(transport)), remote_(format_remote(remote)), active_at_(core.now()) {}

Connection::~Connection() = default;

void Connection::begin() {
  boost::system::error_code error;
  if (transport_.socket().non_blocking(true, error)) return close();
  read_head();
}

void Connection::refuse() {
  if (transport_.is_shaking_hands()) return close();  // to say why would take a handshake first
  boost::system::error_code error;
  if (transport_.socket().non_blocking(true, error)) return close();
  Response response = problem(503, "too-many-connections", "Too many connections", "try again in a moment");
  response.headers.emplace_back("Retry-After", "1");
  respond_to_nothing(std::move(response));
  advance();
}

void Connection::readable() {
  switch (phase_) {
    case Phase::head:
      return read_head();
    case Phase::body:
      return advance();
    case Phase::streaming:
      return read_streaming();
    case Phase::lingering:
      return read_lingering();
    case Phase::feeding:
    case Phase::working:
    case Phase::pieces:
    case Phase::gone:
      return;
  }
}

void Connection::read_head() {
  std::vector<char>& in = core_.scratch.in;
  const Got got = transport_.read(in.data(), in.size());
  if (got.ended) return close();
  if (got.not_tls) refuse_plain_http();
  if (got.bytes > 0) {
    active_at_ = core_.now();
    if (input_.empty()) {
      serve({in.data(), got.bytes});
    } else {
      input_.append(in.data(), got.bytes);
      serve(input_);
    }
  }
  advance();
}

/// Answers what is whole in `input`, which may be input_, and keeps the rest in input_.
void Connection::serve(std::string_view input) {
  std::size_t used = 0;
  while (phase_ == Phase::head && !closing_ && big_body_.empty() && core_.scratch.out.size() < out_bytes_max) {
    const std::string_view rest = input.substr(used);
    if (rest.starts_with("\r\n")) {  // to be ignored before a request (RFC 9112, 2.2)
      used += 2;
      scanned_bytes_ = 0;
      continue;
    }
    const auto end = rest.size() > scanned_bytes_ ? find_head_end(rest, scanned_bytes_) : std::nullopt;
    const ServerOptions& options = core_.service().options;
    if (end.value_or(rest.size()) > options.header_bytes_max) {
      respond_to_nothing(head_too_long(rest, options.target_bytes_max));
      break;
    }
    scanned_bytes_ = end ? 0 : rest.size();
    if (!end) break;
    used += *end;
    dispatch(rest.substr(0, *end));
  }
  if (input.data() == input_.data()) {
    input_.erase(0, used);
  } else {
    input_.assign(input.substr(used));
  }
}

void Connection::dispatch(std::string_view head_bytes) {
  Request& request = core_.scratch.request;
  request.method_ = request.path_ = request.query_ = {};
  request.remote_ = remote_;
  exchange_ = {.started = core_.read_clock()};
  ++serial_;
  auto head = parse_head(head_bytes, core_.service().options.target_bytes_max, request);
  const auto sent_id = head ? request.header("x-request-id") : std::nullopt;
  request.request_id_ = sent_id && is_sane_id(*sent_id) ? *sent_id : core_.fresh_request_id();
  if (!head) return respond_closing(request, std::move(head.error()));
  exchange_.keep_alive = head->keep_alive;
  exchange_.is_http_1_1 = head->is_http_1_1;
  exchange_.is_head = request.method_ == "HEAD";
  exchange_.changes = !exchange_.is_head && request.method_ != "GET" && request.method_ != "OPTIONS";
  handle(request, *head, head_bytes);
}

void Connection::handle(const Request& request, const Head& head, std::string_view head_bytes) {
  auto match = core_.service().router.find(request.method_, request.path_);
  exchange_.route = match.route;
  if (auto refusal = core_.refusal(request, head, exchange_.changes)) {
    exchange_.keep_alive = exchange_.keep_alive && !brings_body(request, head);
    return respond(request, *refusal);
  }
  if (match.route == nullptr) {
    exchange_.keep_alive = exchange_.keep_alive && !brings_body(request, head);
    Response response = match.allowed.empty()
                            ? problem(404, "not-found", "Not found", "there is nothing at this path")
                            : problem(405, "method-not-allowed", "Method not allowed", "see the Allow header");
    if (!match.allowed.empty()) response.headers.emplace_back("Allow", std::move(match.allowed));
    return respond(request, response);
  }
  core_.scratch.request.parameter_ = match.parameter;
  if (!pass(request, head)) return;
  if (request.content_length_.value_or(0) > core_.service().options.body_bytes_max) {
    return respond_closing(request, problem(413, "body-too-large", "Body too large", "see the documented limits"));
  }
  if (!brings_body(request, head) && call_at_once(match.route->handler, request)) return;
  begin_work(request, head, head_bytes);
}

/// False: the guard has refused, and is the answer. A body that nobody will read ends the connection.
bool Connection::pass(const Request& request, const Head& head) {
  std::string error;
  if (!is_refused(request, error)) return true;
  exchange_.keep_alive = exchange_.keep_alive && !brings_body(request, head);
  respond(request, core_.scratch.response, error);
  return false;
}

/// By the route's guard; the scratch response says why.
bool Connection::is_refused(const Request& request, std::string& error) {
  const Guard& guard = exchange_.route->guard;
  if (!guard) return false;
  Response& response = core_.scratch.response;
  response.clear();
  try {
    return !guard(request, response);
  } catch (const std::exception& thrown) {
    response = internal_error();
    error = thrown.what();
    return true;
  }
}

/// False: the handler is not one for this thread, or has chosen not to be.
bool Connection::call_at_once(const Handler& handler, const Request& request) {
  const auto* immediate = std::get_if<Immediate>(&handler);
  const auto* choosing = std::get_if<Choosing>(&handler);
  if (immediate == nullptr && choosing == nullptr) return false;
  Response& response = core_.scratch.response;
  response.clear();
  try {
    if (immediate != nullptr) {
      (*immediate)(request, response);
    } else if (!choosing->at_once(request, response)) {
      return false;
    }
  } catch (const std::exception& error) {
    response = internal_error();
    respond(request, response, error.what());
    return true;
  }
  respond(request, response);
  if (response.body.capacity() > kept_body_bytes_max) response.body = {};
  return true;
}

void Connection::respond_to_nothing(Response response) {
  Request& request = core_.scratch.request;
  request = {};
  request.remote_ = remote_;
  request.request_id_ = core_.fresh_request_id();
  exchange_ = {.started = core_.read_clock()};
  respond_closing(request, std::move(response));
}

/// In plain HTTP, since that is what the client understands.
void Connection::refuse_plain_http() {
  respond_to_nothing(problem(400, "tls-needed", "This port speaks TLS", "use https:// instead of http://"));
}

void Connection::respond_closing(const Request& request, Response response) {
  exchange_.keep_alive = false;
  respond(request, response);
}

void Connection::respond(const Request& request, Response& response, std::string_view error) {
  closing_ = !exchange_.keep_alive || core_.stage() != Stage::serving;
  phase_ = Phase::head;
  served_ = true;
  active_at_ = core_.now();
  HeadFields fields{.date = core_.date(), .request_id = request.request_id_};
  if (closing_) {
    fields.ending = Ending::close;
  } else if (!exchange_.is_http_1_1) {
    fields.ending = Ending::keep_alive_said;
  }
  if (has_body(response.status) && !response.pieces) fields.content_length = response.body.size();
  std::string& out = core_.scratch.out;
  append_head(out, response, fields);
  const std::size_t body_bytes = has_body(response.status) && !exchange_.is_head ? response.body.size() : 0;
  if (body_bytes > copied_body_bytes_max) {
    big_body_ = std::move(response.body);
    big_body_sent_ = 0;
  } else if (body_bytes > 0) {
    out += response.body;
  }
  report(request, response.status, body_bytes, error);
}

void Connection::report(const Request& request, unsigned status, std::size_t body_bytes, std::string_view error) {
  if (!core_.service().answered) return;
  core_.service().answered({.request = request,
                            .route = exchange_.route != nullptr ? exchange_.route->name : std::string_view{},
                            .method = request.method_,
                            .target = target_of(request),
                            .remote = remote_,
                            .request_id = request.request_id_,
                            .status = status,
                            .took = Clock::now() - exchange_.started,
                            .body_bytes = body_bytes,
                            .error = error});
}

void Connection::answer(std::uint64_t serial, Response response, const std::string& error) {
  if (phase_ != Phase::working || serial != serial_) return;
  core_.read_clock();
  if (response.pieces && !exchange_.is_head) {
    begin_pieces(std::move(response));
  } else {
    respond_owned(std::move(response), error);
  }
  advance();
}

/// Goes on until there is nothing to do but wait. The last thing that every step from outside does.
void Connection::advance() {
  while (phase_ != Phase::gone && flush()) {
    switch (phase_) {
      case Phase::body:
        if (!read_body()) return;
        break;
      case Phase::streaming:
        if (!advance_stream()) return;
        break;
      case Phase::pieces:
        return ask_for_piece();
      case Phase::head:
        if (closing_) return linger();
        if (input_.size() == scanned_bytes_) {
          wait_for(input_.empty() && !transport_.is_shaking_hands() ? Waiting::request : Waiting::head,
                   std::exchange(served_, false));
          wait_readable();
          return leave_if_quiet();
        }
        serve(input_);
        break;
      case Phase::feeding:
      case Phase::working:
      case Phase::lingering:
      case Phase::gone:
        return;
    }
  }
}

/// Writes what there is to write. false: the rest must wait, or the client is gone.
bool Connection::flush() {
  std::string& out = core_.scratch.out;
  if (!unsent_.empty()) {
    unsent_ += out;
    out.clear();
  }
  std::string_view head = unsent_.empty() ? out : unsent_;
  std::size_t written = 0;
  while (!head.empty() || big_body_sent_ < big_body_.size()) {
    const auto put = transport_.write(head, std::string_view{big_body_}.substr(big_body_sent_));
    if (put.failed) {
      close();
      return false;
    }
    const std::size_t of_head = std::min(put.bytes, head.size());
    head.remove_prefix(of_head);
    big_body_sent_ += put.bytes - of_head;
    written += put.bytes;
    if (put.would_block || written > written_bytes_max) {
      unsent_ = std::string{head};
      out.clear();
      wait_for(Waiting::write, written > 0);
      wait_writable();
      return false;
    }
  }
  out.clear();
  unsent_.clear();
  if (!big_body_.empty()) big_body_ = {};
  big_body_sent_ = 0;
  return true;
}

}  // namespace ratebook::http
