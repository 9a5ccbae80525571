// What a handler sees of HTTP: requests, responses, uploads, event streams. Knows nothing of prices, and nothing of
// the library underneath (server.cpp alone includes it).
#pragma once
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "http/event_text.hpp"

namespace ratebook::http {

/// Valid while the handler runs; a deferred handler gets one that lives as long as it keeps it.
class Request {
 public:
  std::string_view method() const { return method_; }
  std::string_view path() const { return path_; }    ///< before '?', as sent, not decoded
  std::string_view query() const { return query_; }  ///< behind '?', as sent, not decoded
  /// By name, any case; the first of several. nullopt: not sent.
  std::optional<std::string_view> header(std::string_view name) const;
  std::string_view remote() const { return remote_; }          ///< `127.0.0.1:51234`
  std::string_view request_id() const { return request_id_; }  ///< X-Request-Id as sent, if sane, or a fresh one
  /// What stood for `{name}` in the route's pattern, not decoded.
  std::string_view parameter() const { return parameter_; }
  std::optional<std::uint64_t> content_length() const { return content_length_; }

  std::string_view method_, path_, query_, remote_, request_id_, parameter_;
  std::optional<std::uint64_t> content_length_;
  std::vector<std::pair<std::string_view, std::string_view>> headers_;
};

/// A body that is made while it is sent. The next piece is asked for on the worker pool when the client has taken the
/// one before, never two at once; it may block for a bounded time. An empty piece: that was all. An error (for the
/// log), or what it throws, cuts the connection, so that nobody takes the part for the whole.
using Pieces = std::function<std::expected<std::string, std::string>()>;

/// What a call waits for on the worker pool. Each has a pool of its own: what waits long for one, while it is away,
/// keeps no worker from the others.
enum class Lane : std::uint8_t { memory, store, upload };

/// The server adds Date, Content-Length, Connection and X-Request-Id.
struct Response {
  unsigned status = 200;
  std::string_view content_type;  ///< a literal; empty: no body
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  Pieces pieces;             ///< instead of `body`; not from a handler that answers at once
  std::optional<Lane> lane;  ///< where they are made, if not in the route's

  void clear();
};

/// Answers a request. Call once, from any thread; later calls and calls after the client has gone do nothing.
using Respond = std::function<void(Response)>;

/// Takes a body piece by piece. The server calls it on the worker pool, never two calls at once; a piece is read only
/// when the one before is done.
struct Upload {
  std::function<bool(std::string_view piece)> feed;  ///< false: no more is wanted (the server drains a bounded rest)
  std::function<void(Respond)> finish;               ///< after the last byte, or after feed said false
  std::function<void()> abandon;                     ///< the client went away before the last byte
};

/// An endless text/event-stream. send() and close() from any thread; false from send: closed, or the client reads too
/// slowly (more than a bound is waiting, for it or for all streams together): the stream is being closed.
struct EventStream {
  std::function<bool(EventText)> send;
  std::function<void()> close;  ///< in good form, when what waits has been sent
  std::function<void()> drop;   ///< the same without what waits
};

/// A handler is one of five kinds.
/// Immediate: on the core's own thread; must not block; `response` is fresh.
using Immediate = std::function<void(const Request&, Response& response)>;
/// Deferred: on the worker pool; may block for a bounded time.
using Deferred = std::function<void(std::shared_ptr<const Request>, Respond)>;
/// Uploading: called on the core's thread with the headers, before the body is read (Expect: 100-continue is answered
/// only after it has agreed); a Response refuses.
using Uploading = std::function<std::expected<Upload, Response>(std::shared_ptr<const Request>)>;
/// Streaming: called on the worker pool; a Response refuses. `closed` is called once, whoever closes.
struct Stream {
  std::vector<std::pair<std::string, std::string>> headers;
  std::function<void(EventStream)> start;
  std::function<void()> closed;
};
using Streaming = std::function<std::expected<Stream, Response>(std::shared_ptr<const Request>)>;

/// Choosing: `at_once` runs as Immediate does; false: it has touched nothing, and `later` answers as Deferred does.
struct Choosing {
  std::function<bool(const Request&, Response& response)> at_once;
  Deferred later;
};

using Handler = std::variant<Immediate, Deferred, Uploading, Streaming, Choosing>;

/// Decides from the headers whether a request may pass, on the core's own thread, before anything else is done for it
/// and before its body is read, and again when an upload's body has been. False: `response`, which is fresh, says why
/// not.
using Guard = std::function<bool(const Request&, Response& response)>;

struct Route {
  std::string method;   ///< GET serves HEAD, too
  std::string pattern;  ///< `/v1/batches/{id}/retraction`: at most one {…}, a whole segment
  Handler handler;
  std::string name;       ///< for metrics: `get_batch`
  Guard guard = nullptr;  ///< none: all may pass
  Lane lane = Lane::memory;
};

/// RFC 9457. `type` is the last part of the type URI, stable: `/problems/` + type.
Response problem(unsigned status, std::string_view type, std::string_view title, std::string_view detail);

}  // namespace ratebook::http
