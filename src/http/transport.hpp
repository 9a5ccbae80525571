// A connection's socket, with TLS over it or without: the same calls, none of which blocks.
#pragma once
#include <array>
#include <cstddef>
#include <memory>
#include <string_view>

#include "http/asio.hpp"
#include "http/tls.hpp"

namespace ratebook::http {

class Transport {
 public:
  using Socket = boost::asio::ip::tcp::socket;

  /// `identity`: nullptr: plain.
  Transport(Socket socket, std::shared_ptr<const TlsIdentity> identity);

  Socket& socket() { return socket_; }

  struct Got {
    std::size_t bytes = 0;
    bool would_block = false;
    bool ended = false;    ///< by the client, or the network
    bool not_tls = false;  ///< plain HTTP came where TLS was due; from now on this transport is plain, to say so
  };
  Got read(char* to, std::size_t bytes);

  struct Put {
    std::size_t bytes = 0;
    bool would_block = false;
    bool failed = false;
  };
  /// What it does not take must be offered again, with the same bytes at its front. `more` goes behind `first`.
  Put write(std::string_view first, std::string_view more);

  /// Whether a handshake is still under way.
  bool is_shaking_hands() const { return session_ && !session_->is_established(); }
  /// There is something to read that the socket does not know of.
  bool has_pending() const { return session_ && session_->has_pending(); }
  /// The next read needs the socket to take what the session has to say.
  bool read_waits_for_write() const { return read_waits_for_write_; }

  /// Says that no more will be sent; what comes in from now on is not decrypted any more. false: it is broken.
  bool finish_sending();
  void close();

 private:
  Put write_tls(std::string_view first, std::string_view more);

  Socket socket_;
  std::shared_ptr<const TlsIdentity> identity_;
  std::unique_ptr<TlsSession> session_;
  bool read_waits_for_write_ = false;
};

}  // namespace ratebook::http
