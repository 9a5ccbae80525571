#include "http/transport.hpp"

namespace ratebook::http {

namespace asio = boost::asio;

Transport::Transport(Socket socket, std::shared_ptr<const TlsIdentity> identity)
    : socket_(std::move(socket)), identity_(std::move(identity)) {
  if (identity_) session_ = std::make_unique<TlsSession>(*identity_, socket_.native_handle());
}

Transport::Got Transport::read(char* to, std::size_t bytes) {
  Got got;
  if (session_) {
    const auto moved = session_->read(to, bytes);
    read_waits_for_write_ = moved.outcome == TlsSession::Outcome::wait_writable;
    got.bytes = moved.bytes;
    got.would_block = read_waits_for_write_ || moved.outcome == TlsSession::Outcome::wait_readable;
    got.ended = moved.outcome == TlsSession::Outcome::ended;
    got.not_tls = moved.outcome == TlsSession::Outcome::not_tls;
    if (got.not_tls) session_ = nullptr;
    return got;
  }
  boost::system::error_code error;
  got.bytes = socket_.read_some(asio::buffer(to, bytes), error);
  got.would_block = error == asio::error::would_block;
  got.ended = error && !got.would_block;
  return got;
}

Transport::Put Transport::write(std::string_view first, std::string_view more) {
  if (session_) return write_tls(first, more);
  const std::array buffers{asio::const_buffer{first.data(), first.size()},
                           asio::const_buffer{more.data(), more.size()}};
  boost::system::error_code error;
  Put put;
  put.bytes =
      more.empty() ? socket_.write_some(asio::const_buffers_1{buffers[0]}, error) : socket_.write_some(buffers, error);
  put.would_block = error == asio::error::would_block;
  put.failed = error && !put.would_block;
  return put;
}

Transport::Put Transport::write_tls(std::string_view first, std::string_view more) {
  Put put;
  for (const std::string_view part : {first, more}) {
    if (part.empty()) continue;
    const auto moved = session_->write(part);
    put.bytes += moved.bytes;
    put.would_block =
        moved.outcome == TlsSession::Outcome::wait_readable || moved.outcome == TlsSession::Outcome::wait_writable;
    put.failed = moved.outcome == TlsSession::Outcome::ended || moved.outcome == TlsSession::Outcome::not_tls;
    if (moved.bytes < part.size()) break;
  }
  return put;
}

bool Transport::finish_sending() {
  if (session_) session_->close();
  session_ = nullptr;
  boost::system::error_code error;
  return !socket_.shutdown(Socket::shutdown_send, error);
}

void Transport::close() {
  if (session_) session_->close();
  boost::system::error_code error;
  (void)socket_.close(error);
}

}  // namespace ratebook::http
