// TLS for the server (RFC 8446, RFC 5246): a certificate with its key as read from files, and sessions over sockets
// that do not block. OpenSSL is used as it is, not by Asio's streams: a connection reads and writes when its socket is
// ready, the same way with and without TLS.
#pragma once
#include <cstddef>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

struct ssl_ctx_st;
struct ssl_st;

namespace ratebook::http {

struct TlsOptions {
  std::string certificate_path;  ///< PEM, with the chain behind it; empty: no TLS
  std::string key_path;          ///< PEM
};

/// A certificate, ready for sessions. Shared by the connections that began with it; a renewed one is another object.
class TlsIdentity {
 public:
  /// The error names the file and what is wrong with it.
  static std::expected<std::shared_ptr<const TlsIdentity>, std::string> read(const TlsOptions& options);

  ssl_ctx_st* context() const { return context_.get(); }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  explicit TlsIdentity(ssl_ctx_st* context) : context_(context) {}
  std::unique_ptr<ssl_ctx_st, Free> context_;
};

/// The identity that new connections get. Thread-safe.
class TlsCertificate {
 public:
  explicit TlsCertificate(TlsOptions options) : options_(std::move(options)) {}

  /// Reads the files; where they are wrong, what was read before goes on to hold.
  std::expected<void, std::string> reread();
  std::shared_ptr<const TlsIdentity> identity() const {
    const std::lock_guard lock{mutex_};
    return identity_;
  }

 private:
  const TlsOptions options_;
  mutable std::mutex mutex_;  ///< guards identity_
  std::shared_ptr<const TlsIdentity> identity_;
};

/// The server's end of one connection. The handshake runs within the first reads.
class TlsSession {
 public:
  TlsSession(const TlsIdentity& identity, int descriptor);

  enum class Outcome {
    done,
    wait_readable,
    wait_writable,
    ended,    ///< in order, or by the network, or by what is no TLS
    not_tls,  ///< the client speaks plain HTTP; nothing was sent to it
  };
  struct Moved {
    std::size_t bytes = 0;
    Outcome outcome = Outcome::done;
  };
  Moved read(char* to, std::size_t bytes);
  /// After wait_…: offer the same bytes again, and maybe more behind them.
  Moved write(std::string_view bytes);
  bool is_established() const;
  /// Bytes are decrypted already, so that the socket may never become readable for them.
  bool has_pending() const;
  /// Says that no more will come (close_notify), as far as the socket takes it.
  void close();

 private:
  struct Free {
    void operator()(ssl_st* session) const;
  };
  Outcome outcome_of(int result);
  std::unique_ptr<ssl_st, Free> session_;
  bool broken_ = false;
};

}  // namespace ratebook::http
