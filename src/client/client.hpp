// A small blocking HTTP/1.1 client: one connection, kept between calls, a bound on every wait. While a body is sent it
// listens, so that an answer that comes early (a refusal) is read and the rest is not sent.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/url.hpp"
#include "model/error.hpp"

namespace ratebook::client {

struct Answer {
  unsigned status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  /// By name, any case; the first of several.
  std::optional<std::string_view> header(std::string_view name) const;
};

/// What is sent: exactly `bytes_total` bytes, in pieces.
struct Body {
  std::uint64_t bytes_total = 0;
  /// Fills at most the span, says how many bytes; 0 before the end is a fault of the source.
  std::function<Result<std::size_t>(std::span<char>)> read;
};

/// A body that stands in memory; `text` must outlive the call.
Body text_body(std::string_view text);

struct Request {
  std::string method = "GET";
  std::string target;                                        ///< path and query, encoded
  std::vector<std::pair<std::string, std::string>> headers;  ///< beside Host, User-Agent and Content-Length
  std::optional<Body> body;
  /// Takes the body of an answer with status 200 as it comes, however long; Answer::body is then empty. false: no more
  /// is wanted (Failure::full).
  std::function<bool(std::string_view piece)> take;
  std::function<void(std::uint64_t bytes_sent)> progress;  ///< of the body; some ten times a second until the answer
};

struct Timeouts {
  std::chrono::milliseconds connect{5'000};
  std::chrono::milliseconds stall{30'000};  ///< without one byte moved, while a body is sent or an answer is read
  std::chrono::milliseconds answer{
      90'000};  ///< from the last byte sent to the first of the answer: over any Prefer: wait
};

struct Credentials {
  std::string token;    ///< sent with every request as `Authorization: Bearer`, never shown; empty: none
  std::string ca_file;  ///< PEM: whose certificates are good; empty: those that the system trusts
};

inline constexpr std::uint64_t answer_bytes_max = 256u << 20;

/// Not thread-safe.
class Client {
 public:
  explicit Client(Url server, Timeouts timeouts = {}, Credentials credentials = {});
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  const Url& server() const;

  /// Any answer is a result, whatever its status. Failure::refused: nothing was sent; Failure::unknown: the connection
  /// broke or time ran out after something was sent, what the server did is not known; Failure::damaged: what came is
  /// no HTTP, or too long; any other failure comes from the body's read.
  /// A GET whose kept connection turns out to be closed is sent again on a new one.
  Result<Answer> send(const Request& request);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace ratebook::client
