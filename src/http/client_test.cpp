// The tests' own client and server; they have no tests but all others.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <stdexcept>

#include "http/test_client.hpp"
#include "http/text.hpp"

namespace ratebook::http::testing {

bool comes_true(const std::function<bool()>& condition) {
  for (int i = 0; i < 2000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds{5});
  return condition();
}

bool Answer::is_problem(std::string_view type) const {
  return headers.contains("content-type") && headers.at("content-type") == "application/problem+json" &&
         body.contains("\"type\":\"/problems/" + std::string{type} + "\"") &&
         body.contains("\"status\":" + std::to_string(status));
}

Client::Client(std::uint16_t port) {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  connect(port);
}

std::unique_ptr<Client> Client::with_small_buffer(std::uint16_t port) {
  std::unique_ptr<Client> client{new Client};
  client->socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int bytes = 4096;
  ::setsockopt(client->socket_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  client->connect(port);
  return client;
}

void Client::connect(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // The kernel's own structure behind the system's untyped one.
  connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

Client::~Client() { ::close(socket_); }

bool Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool Client::fill() {
  std::array<char, 16384> more;
  const ssize_t bytes = ::recv(socket_, more.data(), more.size(), 0);
  if (bytes < 0) reset_seen_ = true;
  if (bytes <= 0) return false;
  buffer_.append(more.data(), static_cast<std::size_t>(bytes));
  return true;
}

std::optional<std::string> Client::read_until(std::string_view text) {
  while (!buffer_.contains(text)) {
    if (!fill()) return std::nullopt;
  }
  const std::size_t end = buffer_.find(text) + text.size();
  std::string found = buffer_.substr(0, end);
  buffer_.erase(0, end);
  return found;
}

std::optional<Answer> Client::read_answer(bool without_body) {
  auto head = read_until("\r\n\r\n");
  if (!head) return std::nullopt;
  Answer answer{.head = *head};
  answer.status = static_cast<unsigned>(std::stoul(head->substr(9, 3)));
  std::string_view rest = *head;
  cut(rest, '\n');
  while (rest.size() > 2) {
    std::string_view value = cut(rest, '\n');
    const std::string_view sent_name = cut(value, ':');
    std::string name;
    for (const char c : sent_name) name += lower(c);
    if (value.ends_with('\r')) value.remove_suffix(1);
    answer.headers[name] = trim(value);
  }
  if (without_body || answer.status == 304 || answer.status < 200) return answer;
  if (answer.headers.contains("content-length")) {
    const std::size_t length = std::stoul(answer.headers["content-length"]);
    while (buffer_.size() < length) {
      if (!fill()) return std::nullopt;
    }
    answer.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
  } else if (answer.headers["transfer-encoding"] == "chunked") {
    return read_chunks(answer.body) ? std::optional{answer} : std::nullopt;
  }
  return answer;
}

bool Client::read_chunks(std::string& body) {
  while (const auto line = read_until("\r\n")) {
    const std::size_t length = std::stoul(*line, nullptr, 16);
    while (buffer_.size() < length + 2) {
      if (!fill()) return false;
    }
    body.append(buffer_, 0, length);
    buffer_.erase(0, length + 2);
    if (length == 0) return true;
  }
  return false;
}

std::optional<Answer> Client::ask(std::string_view bytes) {
  if (!send(bytes)) return std::nullopt;
  return read_answer();
}

bool Client::at_end() { return buffer_.empty() && !fill() && !reset_seen_; }

void Client::finish_sending() { ::shutdown(socket_, SHUT_WR); }

void Client::reset() {
  const linger hard{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  ::close(socket_);
  socket_ = -1;
}

ServerOptions RunningServer::quick_options() {
  ServerOptions options;
  options.port = 0;
  options.cores = 2;
  options.workers = 4;
  options.any_host = true;
  options.grace_time = std::chrono::seconds{10};
  return options;
}

RunningServer::RunningServer(std::vector<Route> routes, ServerOptions options,
                             std::function<void(const Answered&)> answered)
    : server_(options, std::move(routes), std::move(answered)) {
  const auto port = server_.listen();
  if (!port) throw std::runtime_error{port.error()};
  port_ = *port;
  thread_ = std::thread{[this] {
    server_.run();
    server_.finish();
  }};
}

RunningServer::~RunningServer() {
  stop();
  wait_until_done();
}

void RunningServer::wait_until_done() {
  if (thread_.joinable()) thread_.join();
}

std::string get(std::string_view path) { return "GET " + std::string{path} + " HTTP/1.1\r\nHost: test\r\n\r\n"; }

}  // namespace ratebook::http::testing
