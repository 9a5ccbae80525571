#include "client/submit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "client/file_body.hpp"
#include "client/scripted_server.hpp"

namespace ratebook::client {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

/// A clock that stands still but for sleep.
struct Clock {
  milliseconds now{1'000'000};
  std::vector<milliseconds> slept;
  Pace pace() {
    return {.now = [this] { return now; },
            .sleep =
                [this](milliseconds time) {
                  slept.push_back(time);
                  now += time;
                },
            .chance = [] { return 1.0; }};
  }
};

Request post_with_key(std::string_view key) {
  Request request;
  request.method = "POST";
  request.target = "/v1/batches";
  request.headers.emplace_back("Idempotency-Key", key);
  request.body = text_body("prices");
  return request;
}

TEST(Submit, the_same_request_is_sent_until_the_server_has_answered) {
  std::vector<std::string> seen;
  // Each try is a request of its own; all else is the same.
  const std::regex ids{"X-Request-Id: .*\r\ntraceparent: .*\r\n"};
  const auto keep = [&](Peer& peer) { seen.push_back(std::regex_replace(peer.read_request(), ids, "")); };
  ScriptedServer server{{[&](Peer& peer) {
                           keep(peer);
                           peer.answer("503 Service Unavailable", R"({"title":"starting"})", "Retry-After: 2\r\n");
                           keep(peer);
                           peer.reset();
                         },
                         [&](Peer& peer) {
                           keep(peer);
                           peer.answer("429 Too Many Requests", "{}");
                           keep(peer);
                           peer.answer("201 Created", R"({"id":"1"})");
                         }}};
  auto client = client_of(server);
  Clock clock;
  std::vector<std::string> reasons;
  const auto answer = send_until_answered(
      client, [] { return post_with_key("same-key"); },
      {.time_max = milliseconds{60'000}, .before = [&](const Again& again) { reasons.push_back(again.reason); }},
      clock.pace());
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 201u);
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_THAT(seen, testing::Each(seen[0]));
  EXPECT_THAT(seen[0], HasSubstr("Idempotency-Key: same-key\r\n"));
  EXPECT_THAT(clock.slept, ElementsAre(milliseconds{2000}, milliseconds{500}, milliseconds{1000}));
  EXPECT_THAT(reasons, ElementsAre("starting", HasSubstr("connection broke"), HasSubstr("429")));
}

TEST(Submit, gives_up_when_its_time_is_over_with_the_last_answer) {
  std::vector<ScriptedServer::Part> script(20, [](Peer& peer) {
    peer.read_request();
    peer.answer("503 Service Unavailable", R"({"title":"down"})", "Connection: close\r\n");
  });
  ScriptedServer server{std::move(script)};
  auto client = client_of(server);
  Clock clock;
  const auto answer = send_until_answered(
      client, [] { return post_with_key("k"); }, {.time_max = milliseconds{10'000}, .before = {}}, clock.pace());
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503u);
  EXPECT_LE(clock.now - milliseconds{1'000'000}, milliseconds{10'000});
  EXPECT_THAT(clock.slept, ElementsAre(milliseconds{250}, milliseconds{500}, milliseconds{1000}, milliseconds{2000},
                                       milliseconds{4000}));
}

TEST(Submit, a_refusal_is_final) {
  ScriptedServer server{{[](Peer& peer) {
    peer.read_request();
    peer.answer("422 Unprocessable Content", "{}");
  }}};
  auto client = client_of(server);
  Clock clock;
  const auto answer = send_until_answered(client, [] { return post_with_key("k"); }, {}, clock.pace());
  EXPECT_EQ(answer->status, 422u);
  EXPECT_TRUE(clock.slept.empty());
}

TEST(Submit, a_fault_of_the_body_is_final) {
  ScriptedServer server{{[](Peer& peer) { peer.read_request(); }}};
  auto client = client_of(server);
  Clock clock;
  const auto answer = send_until_answered(
      client,
      [] {
        auto request = post_with_key("k");
        request.body->bytes_total = 100;
        return request;
      },
      {}, clock.pace());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, Failure::damaged);
  EXPECT_TRUE(clock.slept.empty());
}

TEST(Follow, looks_at_the_location_until_the_batch_is_decided) {
  std::vector<std::string> seen;
  ScriptedServer server{{[&](Peer& peer) {
                           seen.push_back(peer.read_head());
                           peer.answer("404 Not Found", "{}");
                           peer.read_head();
                           peer.answer("200 OK", R"({"id":"1","status":"accepted"})");
                           peer.read_head();
                           peer.reset();
                         },
                         [](Peer& peer) {
                           peer.read_head();
                           peer.answer("503 Service Unavailable", "{}");
                           peer.read_head();
                           peer.answer("200 OK", R"({"id":"1","status":"committed","version":4})");
                         }}};
  auto client = client_of(server);
  Clock clock;
  int looks = 0;
  const auto batch =
      follow_batch(client, "http://elsewhere.example/v1/batches/1?at=0-17", {.id = "1", .status = "accepted"},
                   "accepted", {.time_max = milliseconds{60'000}, .waiting = [&] { ++looks; }}, clock.pace());
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_EQ(batch->status, "committed");
  EXPECT_EQ(batch->version, 4u);
  EXPECT_THAT(seen, ElementsAre(HasSubstr("GET /v1/batches/1?at=0-17 HTTP/1.1")));
  EXPECT_EQ(looks, 4);  // the broken connection's GET is repeated within its look
}

TEST(Follow, ends_with_what_is_known_when_its_time_is_over) {
  ScriptedServer server{{[](Peer& peer) {
    while (!peer.read_head().empty()) peer.answer("200 OK", R"({"id":"1","status":"accepted"})");
  }}};
  Clock clock;
  std::optional<Result<BatchAnswer>> batch;
  {
    auto client = client_of(server);
    batch = follow_batch(client, "/v1/batches/1", {.id = "1", .status = "accepted"}, "accepted",
                         {.time_max = milliseconds{5'000}, .waiting = {}}, clock.pace());
  }
  ASSERT_TRUE(*batch);
  EXPECT_EQ((*batch)->status, "accepted");
  EXPECT_LE(clock.now - milliseconds{1'000'000}, milliseconds{5'000});
}

TEST(Follow, a_decided_batch_is_not_looked_at) {
  ScriptedServer server{{[](Peer& peer) { peer.read_head(); }}};
  auto client = client_of(server);
  Clock clock;
  const auto batch = follow_batch(client, "/", {.id = "1", .status = "committed"}, "accepted", {}, clock.pace());
  EXPECT_EQ(batch->status, "committed");
  EXPECT_EQ(server.connections(), 0u);
}

TEST(RetryAfter, reads_seconds_only) {
  const auto of = [](std::string value) {
    return retry_after(Answer{.status = 503, .headers = {{"Retry-After", value}}, .body = {}});
  };
  EXPECT_EQ(of("7"), milliseconds{7000});
  EXPECT_EQ(of("0"), milliseconds{0});
  EXPECT_EQ(of("Wed, 21 Oct 2026 07:28:00 GMT"), std::nullopt);
  EXPECT_EQ(of("-1"), std::nullopt);
  EXPECT_EQ(retry_after({}), std::nullopt);
}

TEST(Keys, are_fresh) {
  const auto key = fresh_key();
  EXPECT_EQ(key.size(), 32u);
  EXPECT_NE(key, fresh_key());
}

class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view text) {
    path_ = testing::TempDir() + "ratebook_client_test_XXXXXX";
    const int descriptor = ::mkstemp(path_.data());
    EXPECT_EQ(::write(descriptor, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    ::close(descriptor);
  }
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string read_whole(Body body) {
  std::string text;
  std::vector<char> piece(3);
  while (true) {
    const auto count = body.read(piece);
    if (!count || *count == 0) return text;
    text.append(piece.data(), *count);
  }
}

TEST(FileBody, reads_the_file_from_its_start_each_time) {
  const TemporaryFile file{"0123456789"};
  const auto body = FileBody::open(file.path());
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(body->bytes_total(), 10u);
  EXPECT_EQ(read_whole(body->body()), "0123456789");
  EXPECT_EQ(read_whole(body->body()), "0123456789");
  EXPECT_EQ(body->start(4).value(), "0123");
  EXPECT_EQ(body->start(99).value(), "0123456789");
}

TEST(FileBody, a_pipe_can_be_read_twice_too) {
  const std::string name = testing::TempDir() + "ratebook_client_test_pipe_" + std::to_string(::getpid());
  const std::string text(200'000, 'p');  // more than a pipe holds
  ASSERT_EQ(::system(("mkfifo " + name).c_str()), 0);
  std::thread writer{[&] {
    FILE* pipe = std::fopen(name.c_str(), "w");
    std::fwrite(text.data(), 1, text.size(), pipe);
    std::fclose(pipe);
  }};
  const auto body = FileBody::open(name);
  writer.join();
  ::unlink(name.c_str());
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(body->bytes_total(), text.size());
  EXPECT_EQ(read_whole(body->body()), text);
  EXPECT_EQ(read_whole(body->body()), text);
}

TEST(FileBody, what_is_not_there_or_no_file_is_said) {
  EXPECT_THAT(FileBody::open("/nowhere/at/all").error().message, HasSubstr("No such file"));
  EXPECT_THAT(FileBody::open("/tmp").error().message, HasSubstr("folder"));
}

}  // namespace
}  // namespace ratebook::client
