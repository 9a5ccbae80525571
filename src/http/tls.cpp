#include "http/tls.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <climits>

namespace ratebook::http {
namespace {

/// Forward secrecy and authenticated encryption only; TLS 1.3 has nothing else.
constexpr auto ciphers_of_tls_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20";

std::string first_error() {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  ERR_clear_error();
  return text.data();
}

/// HTTP/1.1, or nothing where the client did not ask (RFC 7301). Who asks for others only is refused.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_length, const unsigned char* offered,
                    unsigned int offered_length, void*) {
  static constexpr std::array<unsigned char, 9> ours{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* found = nullptr;
  const int result = SSL_select_next_proto(&found, chosen_length, ours.data(), ours.size(), offered, offered_length);
  *chosen = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

void TlsIdentity::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

std::expected<std::shared_ptr<const TlsIdentity>, std::string> TlsIdentity::read(const TlsOptions& options) {
  ERR_clear_error();
  std::shared_ptr<const TlsIdentity> identity{new TlsIdentity{SSL_CTX_new(TLS_server_method())}};
  SSL_CTX* context = identity->context();
  if (context == nullptr) return std::unexpected{"TLS cannot be set up: " + first_error()};
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, ciphers_of_tls_1_2);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);  // a kept connection holds no buffers
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context, options.certificate_path.c_str()) != 1) {
    return std::unexpected{
        fmt::format("{}: no certificate in PEM can be read from it ({})", options.certificate_path, first_error())};
  }
  if (SSL_CTX_use_PrivateKey_file(context, options.key_path.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return std::unexpected{fmt::format("{}: no key in PEM that belongs to {} can be read from it ({})",
                                       options.key_path, options.certificate_path, first_error())};
  }
  return identity;
}

std::expected<void, std::string> TlsCertificate::reread() {
  auto identity = TlsIdentity::read(options_);
  if (!identity) return std::unexpected{std::move(identity.error())};
  const std::lock_guard lock{mutex_};
  identity_ = *std::move(identity);
  return {};
}

TlsSession::TlsSession(const TlsIdentity& identity, int descriptor) : session_(SSL_new(identity.context())) {
  broken_ = !session_ || SSL_set_fd(session_.get(), descriptor) != 1;
  if (!broken_) SSL_set_accept_state(session_.get());
}

void TlsSession::Free::operator()(ssl_st* session) const { SSL_free(session); }

TlsSession::Moved TlsSession::read(char* to, std::size_t bytes) {
  if (broken_) return {.outcome = Outcome::ended};
  ERR_clear_error();
  const int result = SSL_read(session_.get(), to, static_cast<int>(std::min<std::size_t>(bytes, INT_MAX)));
  if (result > 0) return {.bytes = static_cast<std::size_t>(result)};
  return {.outcome = outcome_of(result)};
}

TlsSession::Moved TlsSession::write(std::string_view bytes) {
  if (broken_) return {.outcome = Outcome::ended};
  ERR_clear_error();
  const int result =
      SSL_write(session_.get(), bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX)));
  if (result > 0) return {.bytes = static_cast<std::size_t>(result)};
  return {.outcome = outcome_of(result)};
}

TlsSession::Outcome TlsSession::outcome_of(int result) {
  switch (SSL_get_error(session_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Outcome::wait_readable;
    case SSL_ERROR_WANT_WRITE:
      return Outcome::wait_writable;
    case SSL_ERROR_ZERO_RETURN:
      return Outcome::ended;
    default:
      break;
  }
  broken_ = true;  // after such an error OpenSSL allows no other call, SSL_shutdown neither
  const bool plain = !is_established() && ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
  ERR_clear_error();
  return plain ? Outcome::not_tls : Outcome::ended;
}

bool TlsSession::is_established() const { return session_ && SSL_is_init_finished(session_.get()) == 1; }

bool TlsSession::has_pending() const { return !broken_ && SSL_pending(session_.get()) > 0; }

void TlsSession::close() {
  if (broken_ || !is_established()) return;
  ERR_clear_error();
  SSL_shutdown(session_.get());
  ERR_clear_error();
  broken_ = true;
}

}  // namespace ratebook::http
