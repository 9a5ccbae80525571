// A load generator for the benchmark, one thread over keep-alive connections of loopback.
//   http_load open PORT CONNECTIONS REQUESTS_PER_S SECONDS TARGETS SEED [INTERVAL_S REQUEST…]
//     GETs of random lines of the file TARGETS, each due at its moment whether or not the ones before it are answered;
//     its time counts from that moment, so that a server that stalls is charged for all that it kept waiting.
//     Beside them one more connection sends the whole requests that the files REQUEST hold, in turn, each INTERVAL_S
//     after the one before, or as soon as that is answered.
//   http_load closed PORT CONNECTIONS SECONDS TARGETS SEED
//     The same GETs, each connection's next as soon as the one before is answered; its time counts from when it is
//     sent.
//   http_load posts PORT CONNECTIONS BODIES KEYS
//     each line of the file BODIES as a batch of its own, under keys that begin with KEYS, as fast as the connections
//     take them, each to its 201.
// Prints one line of JSON. Exits with 1 where an answer is not 200 (201), or a connection breaks.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::duration;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "http_load: %s\n", why.c_str());
  std::exit(1);
}

struct Connection {
  int socket = -1;
  std::string_view unsent;
  std::string received;
  Clock::time_point due;
  bool is_busy = false;
};

int connect_to(std::uint16_t port) {
  const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(made, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) give_up("cannot connect");
  const int on = 1;
  ::setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return made;
}

struct Answer {
  std::size_t length = 0;
  bool closes = false;
};

/// The answer at the start of `bytes`; nullopt: it is not whole yet.
std::optional<Answer> whole_answer(std::string_view bytes, std::string_view status) {
  constexpr std::string_view field = "Content-Length: ";
  const std::size_t head_end = bytes.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return std::nullopt;
  const std::string_view head = bytes.substr(0, head_end);
  if (!head.starts_with(status)) give_up("answered with " + std::string{head.substr(0, head.find('\r'))});
  const std::size_t at = head.find(field);
  if (at == std::string_view::npos) give_up("an answer without Content-Length");
  std::size_t body = 0;
  std::from_chars(head.data() + at + field.size(), head.data() + head.size(), body);
  const std::size_t length = head_end + 4 + body;
  if (bytes.size() < length) return std::nullopt;
  return Answer{length, head.find("\r\nConnection: close") != std::string_view::npos};
}

/// What is sent next, and when; nullopt: nothing more.
struct Due {
  Clock::time_point at;  ///< the epoch: as soon as a connection is free
  std::string_view bytes;
};
using Schedule = std::function<std::optional<Due>()>;

class Load {
 public:
  /// `may_sleep`: while all connections wait; else the core is kept awake, so that nothing is late on this side.
  Load(std::uint16_t port, std::size_t connections, std::string_view status, bool may_sleep)
      : port_(port), status_(status), may_sleep_(may_sleep) {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    connections_.resize(connections);
    for (Connection& connection : connections_) {
      open(connection);
      idle_.push_back(&connection);
    }
  }

  void ask_beside(std::vector<std::string> requests, Clock::duration interval) {
    beside_requests_ = std::move(requests);
    beside_interval_ = interval;
    open(beside_);
  }

  void run(const Schedule& schedule) {
    began_ = Clock::now();
    beside_.due = began_;
    auto next = schedule();
    while (next || idle_.size() < connections_.size() || beside_.is_busy) {
      while (next && !idle_.empty() && next->at <= Clock::now()) {
        Connection& connection = *idle_.back();
        idle_.pop_back();
        send(connection, *next);
        next = schedule();
      }
      if (next) go_on_beside();
      receive();
    }
    ended_ = Clock::now();
  }

  void print() {
    std::ranges::sort(times_us_);
    const auto quantile = [this](double q) {
      return times_us_.empty() ? 0 : times_us_[static_cast<std::size_t>(q * static_cast<double>(times_us_.size() - 1))];
    };
    std::printf(
        "{\"requests\":%zu,\"seconds\":%.6f,\"p50_us\":%u,\"p99_us\":%u,\"p999_us\":%u,\"max_us\":%u,"
        "\"beside\":%zu}\n",
        times_us_.size(), duration<double>(ended_ - began_).count(), quantile(0.5), quantile(0.99), quantile(0.999),
        quantile(1), beside_answered_);
  }

 private:
  void open(Connection& connection) {
    connection.socket = connect_to(port_);
    epoll_event wanted{.events = EPOLLIN, .data = {.ptr = &connection}};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.socket, &wanted);
  }

  void send(Connection& connection, const Due& due) {
    connection.is_busy = true;
    connection.due = due.at == Clock::time_point{} ? Clock::now() : due.at;
    connection.unsent = due.bytes;
    send_on(connection);
  }

  /// What the socket takes at once; the rest when the loop comes by again.
  static void send_on(Connection& connection) {
    while (!connection.unsent.empty()) {
      const auto piece = connection.unsent.substr(0, 65536);
      const auto sent = ::send(connection.socket, piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno == EAGAIN) return;
      if (sent <= 0) give_up("a connection broke");
      connection.unsent.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  void go_on_beside() {
    if (beside_requests_.empty()) return;
    if (beside_.is_busy) return send_on(beside_);
    const auto now = Clock::now();
    if (beside_.due > now) return;
    send(beside_, {now, beside_requests_[beside_answered_ % beside_requests_.size()]});
  }

  void receive() {
    std::array<epoll_event, 64> events;
    const int count =
        ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), may_sleep_ && idle_.empty() ? -1 : 0);
    for (int i = 0; i < count; ++i) {
      Connection& connection = *static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
      std::array<char, 65536> piece;
      const auto got = ::recv(connection.socket, piece.data(), piece.size(), 0);
      if (got <= 0 || !connection.is_busy) give_up("a connection broke");
      connection.received.append(piece.data(), static_cast<std::size_t>(got));
      const auto answer = whole_answer(connection.received, &connection == &beside_ ? "HTTP/1.1 20" : status_);
      if (!answer) continue;
      connection.received.erase(0, answer->length);
      connection.is_busy = false;
      // nginx closes after 1,000 answers.
      if (answer->closes) {
        ::close(connection.socket);
        open(connection);
      }
      note_answered(connection);
    }
  }

  void note_answered(Connection& connection) {
    if (&connection == &beside_) {
      ++beside_answered_;
      beside_.due += beside_interval_;
      return;
    }
    const duration<double, std::micro> took = Clock::now() - connection.due;
    times_us_.push_back(static_cast<std::uint32_t>(took.count()));
    idle_.push_back(&connection);
  }

  std::uint16_t port_;
  std::string_view status_;
  bool may_sleep_;
  int epoll_ = -1;
  std::vector<Connection> connections_;
  std::vector<Connection*> idle_;
  std::vector<std::uint32_t> times_us_;
  Connection beside_;
  std::vector<std::string> beside_requests_;
  Clock::duration beside_interval_{};
  std::size_t beside_answered_ = 0;
  Clock::time_point began_, ended_;
};

std::vector<std::string> lines_of(const char* path) {
  std::ifstream file{path};
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  if (lines.empty()) give_up(std::string{path} + " is empty");
  return lines;
}

std::string bytes_of(const char* path) {
  std::ifstream file{path, std::ios::binary};
  std::string bytes{std::istreambuf_iterator<char>{file}, {}};
  if (bytes.empty()) give_up(std::string{path} + " is empty");
  return bytes;
}

double number(const char* text) { return std::strtod(text, nullptr); }

/// GETs of random lines of a file.
class Gets {
 public:
  Gets(const char* targets, const char* seed) : random_{static_cast<std::uint32_t>(number(seed))} {
    for (const auto& target : lines_of(targets))
      requests_.push_back("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    any_ = std::uniform_int_distribution<std::size_t>{0, requests_.size() - 1};
  }
  std::string_view next() { return requests_[any_(random_)]; }

 private:
  std::vector<std::string> requests_;
  std::mt19937 random_;
  std::uniform_int_distribution<std::size_t> any_;
};

void run_closed(char** argument) {
  Gets gets{argument[3], argument[4]};
  Load load{static_cast<std::uint16_t>(number(argument[0])), static_cast<std::size_t>(number(argument[1])),
            "HTTP/1.1 200", false};
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(duration<double>(number(argument[2])));
  load.run(
      [&]() -> std::optional<Due> { return Clock::now() < end ? std::optional{Due{{}, gets.next()}} : std::nullopt; });
  load.print();
}

void run_open(char** argument, char** more) {
  Gets gets{argument[4], argument[5]};
  Load load{static_cast<std::uint16_t>(number(argument[0])), static_cast<std::size_t>(number(argument[1])),
            "HTTP/1.1 200", false};
  if (*more != nullptr) {
    std::vector<std::string> beside;
    for (char** path = more + 1; *path != nullptr; ++path) beside.push_back(bytes_of(*path));
    load.ask_beside(std::move(beside), std::chrono::duration_cast<Clock::duration>(duration<double>(number(*more))));
  }
  const double rate = number(argument[2]);
  const auto count = static_cast<std::size_t>(rate * number(argument[3]));
  const Clock::time_point begin = Clock::now();
  std::size_t sent = 0;
  load.run([&]() -> std::optional<Due> {
    if (sent == count) return std::nullopt;
    const auto at =
        begin + std::chrono::duration_cast<Clock::duration>(duration<double>(static_cast<double>(sent) / rate));
    ++sent;
    return Due{at, gets.next()};
  });
  load.print();
}

void run_posts(char** argument) {
  std::vector<std::string> requests;
  const auto connections = static_cast<std::size_t>(number(argument[1]));
  for (const auto& body : lines_of(argument[2])) {
    const std::string number_text = std::to_string(requests.size());
    requests.push_back("POST /v1/batches?source=client-" + std::to_string(requests.size() % connections) +
                       " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nPrefer: wait=60\r\n" +
                       "Idempotency-Key: " + argument[3] + "-" + number_text +
                       "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  Load load{static_cast<std::uint16_t>(number(argument[0])), connections, "HTTP/1.1 201", true};
  std::size_t sent = 0;
  load.run([&]() -> std::optional<Due> {
    if (sent == requests.size()) return std::nullopt;
    return Due{{}, requests[sent++]};
  });
  load.print();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "open" && (argc == 8 || argc > 9)) {
    run_open(argv + 2, argv + 8);
  } else if (mode == "closed" && argc == 7) {
    run_closed(argv + 2);
  } else if (mode == "posts" && argc == 6) {
    run_posts(argv + 2);
  } else {
    give_up("see the head of bench/http_load.cpp");
  }
  return 0;
}
