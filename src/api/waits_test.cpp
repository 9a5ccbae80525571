// The endpoints behind a real server on loopback, with a log and a store that stay silent until a test lets them go:
// whoever needs only the other one, or neither, is answered meanwhile.
#include <arpa/inet.h>
#include <gmock/gmock.h>
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

namespace ratebook::api {
namespace {

using testing::chain_of;
using ::testing::Each;
using ::testing::HasSubstr;
using testing::header_of;
using testing::row_of;
using namespace std::chrono_literals;

constexpr std::chrono::seconds patience{30};  // then a test has failed

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

  testing::HeldStore held;
  Gate questions;
  store::Head head_is{1, chain_of(1)};
};

PlacesDocument two_ports() {
  return {{{"north", "North", ""}}, {{"CNSGH", "Shanghai", "north"}, {"NLRTM", "Rotterdam", "north"}}};
}

book::Snapshot book_at(Version version) {
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
    static_cast<void>(!::send(socket_, request.data(), request.size(), MSG_NOSIGNAL));
  }
  Call(Call&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  Call& operator=(Call&&) = delete;
  ~Call() {
    if (socket_ >= 0) ::close(socket_);
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

class WaitsTest : public ::testing::Test {
 protected:
  WaitsTest() { limits.uploads.per_source_max = 64; }
  ~WaitsTest() override { end(); }

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

const std::string some_id(32, '7');

TEST_F(WaitsTest, ASilentLogDelaysNeitherListsNorPlacesNorAnswersFromTheStore) {
  start();
  Batch stored;
  stored.header = header_of(std::string(32, '1'));
  stored.status = BatchStatus::committed;
  stored.version = 1;
  store.held.put(stored);
  log.reads.close();
  std::vector<Call> held;
  for (int i = 0; i < 100; ++i)
    held.push_back(send("GET", "/v1/batches/" + some_id + "?at=" + std::to_string(i % 12) + "-0"));
  ASSERT_TRUE(log.reads.await_held(1));
  EXPECT_EQ(send("GET", "/v1/batches").answer().status, 200U);
  EXPECT_EQ(send("GET", "/v1/places").answer().status, 200U);
  EXPECT_EQ(send("PUT", "/v1/places", "Content-Type: application/json\r\nIf-Match: *\r\n",
                 R"({"regions":[{"slug":"a","name":"A"}],"ports":[]})")
                .answer()
                .status,
            200U);
  const auto known = send("GET", "/v1/batches/" + stored.header.id + "?at=3-7").answer();
  EXPECT_EQ(known.status, 200U);
  EXPECT_THAT(known.text, HasSubstr("committed"));
  EXPECT_EQ(send("POST", "/v1/batches/" + stored.header.id + "/retraction", "Prefer: wait=0\r\n").answer().status,
            202U);
  log.reads.open();
  for (const unsigned status : statuses(held)) EXPECT_TRUE(status == 404 || status == 503) << status;
}

TEST_F(WaitsTest, WhatThisNodeRemembersNeedsNeitherStoreNorLog) {
  start();
  ASSERT_EQ(post("carrier-a", "k").answer().status, 202U);
  const std::string id = id_of("carrier-a", "k");
  store.questions.close();
  log.reads.close();
  std::vector<Call> held;
  for (int i = 0; i < 100; ++i) held.push_back(send("GET", "/v1/batches/" + some_id));
  ASSERT_TRUE(store.questions.await_held(1));
  const auto known = send("GET", "/v1/batches/" + id).answer();
  EXPECT_EQ(known.status, 200U);
  EXPECT_THAT(known.text, HasSubstr("accepted"));
  // What the version that is shown may have decided is asked of the store: here the step has not been told of yet.
  EXPECT_FALSE(service->outcomes.accepted_beyond(id, 2));
}

TEST_F(WaitsTest, APlaceOfOtherSourcesIsNotLookedUp) {
  const std::string path = ::testing::TempDir() + "waits_test_tokens." + std::to_string(::getpid());
  const auto line = [](const std::string& name, access::Role role, const std::vector<std::string>& sources) {
    return access::format_grant({name, {role}, sources, sha256(name), {}});
  };
  std::ofstream{path} << line("sender", access::Role::send, {"carrier-a"}) << line("reader", access::Role::read, {});
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  tokens.emplace(path);
  const auto read = tokens->reread();
  ASSERT_TRUE(read) << read.error().message;
  ::unlink(path.c_str());
  start();
  log.reads.close();
  const auto ask = [&](const std::string& token, const std::string& at) {
    return send("GET", "/v1/batches/" + some_id + "?at=" + at, "Authorization: Bearer " + token + "\r\n");
  };
  const std::uint32_t own = partition_of("carrier-a", 12);
  EXPECT_EQ(ask("nobody", "0-0").answer().status, 401U);
  EXPECT_EQ(ask("reader", "x").answer().status, 400U);
  EXPECT_EQ(ask("sender", std::to_string((own + 1) % 12) + "-0").answer().status, 403U);
  EXPECT_EQ(log.reads.held(), 0U);
  const auto by_sender = ask("sender", std::to_string(own) + "-0");
  const auto by_reader = ask("reader", std::to_string((own + 1) % 12) + "-0");
  EXPECT_TRUE(log.reads.await_held(2));
  log.reads.open();
  EXPECT_EQ(by_sender.answer().status, 404U);
  EXPECT_EQ(by_reader.answer().status, 404U);
}

TEST_F(WaitsTest, EveryPostToASilentLogIsAnsweredAsTheFirstIs) {
  start();
  log.is_silent = true;
  log.appends.close();
  log.abandons.close();
  std::vector<Call> calls;
  // A source has as many places as are free beside its own (rule 22): the last ones are for others.
  for (int i = 0; i < 256; ++i) calls.push_back(post("carrier-" + std::to_string(i), "k" + std::to_string(i)));
  EXPECT_TRUE(log.appends.await_held(256)) << log.appends.held() << " wait for the log, and others for them";
  log.appends.open();
  // The log goes on to take no abandon records; answers do not wait for it.
  for (const Call& call : calls) {
    const auto answer = call.answer();
    EXPECT_EQ(answer.status, 503U);
    EXPECT_THAT(answer.text, HasSubstr("outcome-unknown"));
    EXPECT_THAT(answer.text, HasSubstr("Retry-After"));
  }
  EXPECT_EQ(service->uploads.count(), 0U);
  EXPECT_GE(service->abandons.queued(), 255U);
}

TEST_F(WaitsTest, ASilentStoreDelaysNoPostToALogThatAnswers) {
  start();
  store.questions.close();
  std::vector<Call> calls;
  for (int i = 0; i < 100; ++i) calls.push_back(post("carrier-" + std::to_string(i % 10), "k" + std::to_string(i)));
  EXPECT_THAT(statuses(calls), Each(202U));
  EXPECT_EQ(log.appended, 100);
}

TEST_F(WaitsTest, ASilentStoreDelaysNoAnswerThatNeedsNoStore) {
  start();
  std::vector<VersionRow> rows;
  std::vector<Call> repeats;
  for (int i = 0; i < 40; ++i) {
    Batch repeat;
    repeat.header = header_of(id_of("carrier-a", "r" + std::to_string(i)));
    repeat.status = BatchStatus::committed;
    repeat.version = 2;
    store.held.put(repeat);
    rows.push_back(row_of(2, repeat.header.id));
    repeats.push_back(post("carrier-a", "r" + std::to_string(i), 60));
  }
  const auto fresh = post("carrier-b", "fresh", 60);
  const std::string fresh_id = id_of("carrier-b", "fresh");
  while (service->outcomes.watched_count() < 41) std::this_thread::sleep_for(1ms);
  store.questions.close();
  visible.show({book_at(2), rows}, 1, true);
  ASSERT_TRUE(store.questions.await_held(1));
  const auto version = send("GET", "/v1/rates?origin=CNSGH&destination=NLRTM&date_from=2026-01-01&date_to=2026-01-02",
                            "Ratebook-Min-Version: 3\r\n");
  while (service->outcomes.watched_count() < 2) std::this_thread::sleep_for(1ms);
  auto row = row_of(3, fresh_id);
  row.attempt = log.attempt_of(fresh_id);
  visible.show({book_at(3), {row}}, 1, true);
  EXPECT_EQ(fresh.answer().status, 201U);
  EXPECT_EQ(version.answer().status, 200U);
  store.questions.open();
  EXPECT_THAT(statuses(repeats), Each(200U));
}

TEST_F(WaitsTest, NoNumberOfUploadsAtOnceExceedsTheBoundOfWhatWaits) {
  limits.accepted_per_source_max = 4;
  start();
  log.appends.close();
  std::vector<Call> calls;
  for (int i = 0; i < 12; ++i) calls.push_back(post("carrier-a", "k" + std::to_string(i)));
  ASSERT_TRUE(log.appends.await_held(4));
  while (service->uploads.count() > 4) std::this_thread::sleep_for(1ms);  // the others are refused meanwhile
  EXPECT_EQ(log.appends.held(), 4U);
  log.appends.open();
  const auto all = statuses(calls);
  EXPECT_EQ(std::ranges::count(all, 202U), 4);
  EXPECT_EQ(std::ranges::count(all, 429U), 8);
  EXPECT_EQ(service->outcomes.waiting("carrier-a").count, 4U);
  EXPECT_EQ(post("carrier-a", "more").answer().status, 429U);
  EXPECT_EQ(post("carrier-b", "more").answer().status, 202U);
}

TEST_F(WaitsTest, ARetractionOfABatchThatAnotherNodeHasAcceptedIsNotCommitted) {
  start();
  auto header = header_of("");
  header.digest = sha256("prices");
  header.id = batch_id(header.source, header.key, header.digest);
  log.put(header);
  const std::string id = header.id;
  const auto partition = std::to_string(partition_of("carrier-a", 12));
  const std::string path = "/v1/batches/" + id + "/retraction";
  const auto answer = send("POST", path + "?at=" + partition + "-0").answer();
  EXPECT_EQ(answer.status, 409U);
  EXPECT_THAT(answer.text, HasSubstr("not-committed"));
  EXPECT_EQ(send("POST", path).answer().status, 404U);
  EXPECT_EQ(send("POST", path + "?at=" + partition + "-1").answer().status, 404U);
  EXPECT_EQ(send("POST", path + "?at=1").answer().status, 400U);
}

TEST_F(WaitsTest, AnAnswerAfterASecondWaitIsOfTheVersionThatWasDemanded) {
  limits.min_version_wait = 500ms;
  start();
  visible.show({book_at(5), {}}, 1, true);
  const auto call =
      send("GET", "/v1/rates?origin=CNSGH&destination=NLRTM&date_from=2026-01-01&date_to=2026-01-02&version=9",
           "Ratebook-Min-Version: 5\r\n");
  while (service->outcomes.watched_count() < 1) std::this_thread::sleep_for(1ms);
  store.head_is = {3, chain_of(3)};
  visible.show({book_at(3), {}}, 1, true);  // a store that was restored
  const auto answer = call.answer();
  EXPECT_EQ(answer.status, 503U);
  EXPECT_THAT(answer.text, HasSubstr("version-not-visible"));
}

TEST_F(WaitsTest, APastVersionIsOfTheHistoryThatIsShown) {
  start();
  store.held.put(row_of(2, some_id));
  auto other = row_of(5, some_id);
  other.chain = chain_of(77);
  store.held.put(other);
  visible.show({book_at(5), {}}, 1, true);
  const auto answer =
      send("GET", "/v1/prices?version=2").answer();  // of which no price has to be read before its head is sent
  EXPECT_EQ(answer.status, 503U);
}

}  // namespace
}  // namespace ratebook::api
