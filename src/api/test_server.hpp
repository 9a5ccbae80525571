// For this folder's tests: the endpoints behind a real server on loopback, with a log and a store that stay silent
// until a test lets them go.
#pragma once
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <fstream>
#include <thread>

#include "api/endpoints.hpp"
#include "api/testing.hpp"
#include "http/server.hpp"
#include "log/record.hpp"

namespace ratebook::api::testing {

using namespace std::chrono_literals;

constexpr std::chrono::seconds patience{30};  // then a test has failed

inline bool until(const std::function<bool()>& condition) {
  for (const auto end = std::chrono::steady_clock::now() + patience; !condition();) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

/// Holds whoever passes while it is closed, and counts them.
class Gate {
 public:
  void close() {
    const std::lock_guard lock{mutex_};
    is_open_ = false;
  }
  void open() {
    {
      const std::lock_guard lock{mutex_};
      is_open_ = true;
    }
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock{mutex_};
    ++held_;
    changed_.notify_all();
    changed_.wait_for(lock, 2 * patience, [this] { return is_open_; });
    --held_;
  }
  bool await_held(std::size_t count) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, patience, [&] { return held_ >= count; });
  }
  std::size_t held() {
    const std::lock_guard lock{mutex_};
    return held_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_open_ = true;
  std::size_t held_ = 0;
};

class GatedLog final : public log::Log {
 public:
  std::uint32_t partition_count() const override { return 12; }
  bool is_part_of_store() const override { return false; }
  Result<Offset> append(std::uint32_t, const log::RecordSource& source) override {
    std::string first;
    while (true) {
      auto record = source();
      if (!record) return std::unexpected(record.error());
      if (!*record) break;
      if (first.empty()) first = **std::move(record);
    }
    const auto record = log::decode(first);
    const bool gives_up = record && std::holds_alternative<log::AbandonRecord>(*record);
    (gives_up ? abandons : appends).pass();
    if (is_silent) return fail(Failure::unknown, "silent");
    if (record && std::holds_alternative<log::ChunkRecord>(*record)) {
      const std::lock_guard lock{mutex_};
      records_.push_back(first);
    }
    return ++appended - 1;
  }
  Result<std::vector<log::StoredRecord>> read(std::uint32_t, Offset from, std::size_t, Duration) override {
    reads.pass();
    if (is_silent) return fail(Failure::unavailable, "silent");
    const std::lock_guard lock{mutex_};
    if (from >= static_cast<Offset>(records_.size())) return std::vector<log::StoredRecord>{};
    return std::vector{log::StoredRecord{from, records_[static_cast<std::size_t>(from)]}};
  }
  log::Assignment assignment() override { return {}; }
  void leave(const std::string&, log::Leave how) override { has_left = how == log::Leave::for_good; }
  Result<void> trim(std::uint32_t, Offset) override { return {}; }

  void put(const BatchHeader& header) {
    const std::lock_guard lock{mutex_};
    records_.push_back(log::encode(log::ChunkRecord{header, std::string(32, 'a'), 0, true, "prices"}));
  }

  std::string attempt_of(const std::string& id) {
    const std::lock_guard lock{mutex_};
    for (const auto& bytes : records_) {
      const auto record = log::decode(bytes);
      const auto* chunk = std::get_if<log::ChunkRecord>(&*record);
      if (chunk != nullptr && chunk->batch.id == id) return chunk->attempt;
    }
    return "";
  }

  std::atomic<bool> has_left = false;
  Gate appends, abandons, reads;
  std::atomic<bool> is_silent = false;
  std::atomic<Offset> appended = 0;

 private:
  std::mutex mutex_;
  std::vector<std::string> records_;
};

class GatedStore final : public store::testing::UnaskedStore {
 public:
  explicit GatedStore(const Runtime& runtime) : UnaskedStore(runtime), held(runtime) {}

  Result<std::optional<Batch>> batch(const std::string& id) override {
    questions.pass();
    return held.batch(id);
  }
  Result<std::optional<Batch>> batch_by_key(const std::string&, const std::string&) override {
    questions.pass();
    return std::nullopt;
  }
  Result<store::BatchPage> batches(const store::BatchFilter&) override {
    questions.pass();
    return store::BatchPage{};
  }
  Result<store::Head> head() override { return head_is; }
  Result<store::Head> places_head(Version) override { return store::Head{1, chain_of(1)}; }
  Result<Version> put_places(const PlacesDocument&, const std::optional<std::string>&, WallTime) override { return 1; }
  Result<std::vector<VersionRow>> versions(Version after, std::size_t limit) override {
    return held.versions(after, limit);
  }
  Result<PlacesDocument> places(Version) override { return PlacesDocument{}; }

  HeldStore held;
  Gate questions;
  store::Head head_is{1, chain_of(1)};
};

inline PlacesDocument two_ports() {
  return {{{"north", "North", ""}}, {{"CNSGH", "Shanghai", "north"}, {"NLRTM", "Rotterdam", "north"}}};
}

inline book::Snapshot book_at(Version version) {
  book::Loader loader;
  return loader.finish(version, chain_of(version), std::make_shared<const PlaceTree>(two_ports()));
}

struct Got {
  unsigned status = 0;
  std::string text;  ///< with its head; empty: none came in time
};

/// One request on a connection of its own.
class Call {
 public:
  Call(std::uint16_t port, const std::string& request) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval limit{patience.count(), 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return;
    go_on(request);
  }
  Call(Call&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  Call& operator=(Call&&) = delete;
  ~Call() {
    if (socket_ >= 0) ::close(socket_);
  }

  /// More of what is sent.
  void go_on(const std::string& bytes) const {
    static_cast<void>(!::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
  }
  /// Until the server closes, as each request asks it to.
  Got answer() const {
    Got got;
    std::array<char, 4096> bytes{};
    while (true) {
      const auto count = ::recv(socket_, bytes.data(), bytes.size(), 0);
      if (count <= 0) break;
      got.text.append(bytes.data(), static_cast<std::size_t>(count));
    }
    if (got.text.size() > 12) got.status = static_cast<unsigned>(std::stoul(got.text.substr(9, 3)));
    return got;
  }

 private:
  int socket_;
};

class ServedTest : public ::testing::Test {
 protected:
  ServedTest() { limits.uploads.per_source_max = 64; }
  ~ServedTest() override { end(); }

  void start() {
    visible.show({book_at(1), {}}, 1, true);
    service.emplace(Parts{runtime, log, store, visible, metrics, tokens ? &*tokens : nullptr}, limits,
                    intake::Limits{});
    http::ServerOptions options;
    options.port = 0;
    options.cores = 1;
    options.grace_time = 1s;
    server.emplace(options, routes(*service), [](const http::Answered&) {});
    port = server->listen().value();
    thread = std::thread{[this] { server->run(); }};
  }
  /// From now on these tokens hold, as their file has them.
  void set_tokens(const std::string& lines) {
    const std::string path = ::testing::TempDir() + "api_test_tokens." + std::to_string(::getpid());
    std::ofstream{path} << lines;
    ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
    if (!tokens) tokens.emplace(path);
    const auto read = tokens->reread();
    ASSERT_TRUE(read) << read.error().message;
    ::unlink(path.c_str());
  }
  void end() {
    for (Gate* gate : {&log.appends, &log.abandons, &log.reads, &store.questions}) gate->open();
    if (!thread.joinable()) return;
    server->stop();
    thread.join();
    server.reset();
    service.reset();
  }

  Call send(const std::string& method, const std::string& target, const std::string& headers = "",
            const std::string& body = "") const {
    return Call{port,
                fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{}{}\r\n{}", method, target,
                            headers, method == "GET" ? "" : fmt::format("Content-Length: {}\r\n", body.size()), body)};
  }
  Call post(const std::string& source, const std::string& key, int wait = 0) const {
    return send("POST", "/v1/batches?source=" + source,
                fmt::format("Content-Type: text/csv\r\nIdempotency-Key: {}\r\nPrefer: wait={}\r\n", key, wait),
                "orig_code,dest_code,day,price\nCNSGH,NLRTM,2026-01-31,12.50\n");
  }
  std::string id_of(const std::string& source, const std::string& key) const {
    const auto dry = send("POST", "/v1/batches?dry_run=true&source=" + source,
                          fmt::format("Content-Type: text/csv\r\nIdempotency-Key: {}\r\n", key),
                          "orig_code,dest_code,day,price\nCNSGH,NLRTM,2026-01-31,12.50\n")
                         .answer();
    const auto at = dry.text.find("\"id\":\"");
    return at == std::string::npos ? "" : dry.text.substr(at + 6, 32);
  }
  static std::vector<unsigned> statuses(const std::vector<Call>& calls) {
    std::vector<unsigned> all;
    for (const Call& call : calls) all.push_back(call.answer().status);
    return all;
  }

  Runtime runtime = machine_runtime();
  GatedLog log;
  GatedStore store{runtime};
  follower::Visible visible;
  obs::Metrics metrics;
  std::optional<access::Keeper> tokens;
  Limits limits;
  std::optional<Service> service;
  std::optional<http::Server> server;
  std::uint16_t port = 0;
  std::thread thread;
};

}  // namespace ratebook::api::testing
