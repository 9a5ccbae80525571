// Bodies: in pieces, with back-pressure, refused before and in the middle, and abandoned.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>

#include "http/test_client.hpp"

namespace ratebook::http {
namespace {

using namespace std::chrono_literals;
using testing::Client;
using testing::comes_true;
using testing::get;
using testing::RunningServer;

/// What one route's uploads did.
struct Seen {
  std::string body;
  std::size_t longest_piece = 0;
  std::atomic<int> pieces = 0, finished = 0, abandoned = 0, inside = 0, overlaps = 0;
};

void respond_with(const Respond& respond, std::string body) {
  respond(Response{.status = 201, .content_type = "text/plain", .headers = {}, .body = std::move(body)});
}

/// Collects bodies; refuses more in the middle of one once it has `enough` bytes.
Uploading collect(Seen& seen, std::size_t enough = SIZE_MAX) {
  return [&seen, enough](std::shared_ptr<const Request> request) -> std::expected<Upload, Response> {
    if (request->header("x-refuse")) return std::unexpected{problem(415, "no", "No", "")};
    auto body = std::make_shared<std::string>();
    return Upload{.feed =
                      [&seen, body, enough](std::string_view piece) {
                        if (seen.inside.fetch_add(1) != 0) ++seen.overlaps;
                        body->append(piece);
                        seen.longest_piece = std::max(seen.longest_piece, piece.size());
                        ++seen.pieces;
                        --seen.inside;
                        return body->size() < enough;
                      },
                  .finish =
                      [&seen, body](const Respond& respond) {
                        seen.body = *body;
                        ++seen.finished;
                        respond_with(respond, std::to_string(body->size()));
                      },
                  .abandon = [&seen] { ++seen.abandoned; }};
  };
}

std::vector<Route> routes(Seen& seen, std::size_t enough = SIZE_MAX) {
  return {{"POST", "/take", collect(seen, enough), "take"},
          {"GET", "/hello", Immediate{[](const Request&, Response& response) { response.body = "hello"; }}, "hello"}};
}

std::string post(std::string_view fields) {
  return "POST /take HTTP/1.1\r\nHost: h\r\n" + std::string{fields} + "\r\n";
}

std::string some_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<char>(i * 131 % 251);
  return bytes;
}

TEST(Upload, TakesABodyOfKnownLengthInPieces) {
  Seen seen;
  auto options = RunningServer::quick_options();
  options.piece_bytes = 10'000;
  RunningServer server{routes(seen), options};
  Client client{server.port()};
  const std::string body = some_bytes(1'000'003);
  EXPECT_EQ(client.ask(post("Content-Length: 1000003\r\n") + body)->body, "1000003");
  EXPECT_EQ(seen.body, body);
  EXPECT_LE(seen.longest_piece, 10'000U);
  EXPECT_GE(seen.pieces, 101);
  EXPECT_EQ(seen.overlaps, 0);
  EXPECT_EQ(client.ask(post("Content-Length: 3\r\n") + "abc" + get("/hello"))->body, "3");
  EXPECT_EQ(client.read_answer()->body, "hello");  // what stood behind the body was left alone
  EXPECT_EQ(seen.abandoned, 0);
}

TEST(Upload, TakesAChunkedBodyHoweverItIsCut) {
  Seen seen;
  auto options = RunningServer::quick_options();
  options.piece_bytes = 1000;
  RunningServer server{routes(seen), options};
  Client client{server.port()};
  const std::string body = some_bytes(50'000);
  std::string chunks;
  for (std::size_t at = 0, size = 1; at < body.size(); at += size, size = size * 3 % 4999 + 1) {
    const std::string part = body.substr(at, size);
    char head[32];
    static_cast<void>(std::snprintf(head, sizeof head, "%zX\r\n", part.size()));
    chunks += head + part + "\r\n";
  }
  chunks += "0\r\n\r\n";
  EXPECT_EQ(client.ask(post("Transfer-Encoding: chunked\r\n") + chunks + get("/hello"))->body, "50000");
  EXPECT_EQ(client.read_answer()->body, "hello");
  EXPECT_EQ(seen.body, body);
  EXPECT_LE(seen.longest_piece, 1000U);
}

TEST(Upload, TakesABodyThatComesSlowly) {
  Seen seen;
  RunningServer server{routes(seen)};
  for (const std::string& bytes :
       {post("Transfer-Encoding: Chunked\r\n") + "5\r\nhello\r\n3;x=y\r\n, w\r\n0\r\nT: t\r\n\r\n",
        post("Content-Length: 8\r\n") + "hello, w"}) {
    Client client{server.port()};
    for (const char c : bytes) {
      ASSERT_TRUE(client.send({&c, 1}));
      std::this_thread::sleep_for(200us);
    }
    EXPECT_EQ(client.read_answer()->body, "8");
    EXPECT_EQ(seen.body, "hello, w");
  }
}

TEST(Upload, TakesAnEmptyBody) {
  Seen seen;
  RunningServer server{routes(seen)};
  Client client{server.port()};
  EXPECT_EQ(client.ask(post(""))->body, "0");
  EXPECT_EQ(client.ask(post("Content-Length: 0\r\n"))->body, "0");
  EXPECT_EQ(client.ask(post("Transfer-Encoding: chunked\r\n") + "0\r\n\r\n")->body, "0");
  EXPECT_EQ(seen.pieces, 0);
  EXPECT_EQ(seen.finished, 3);
}

TEST(Upload, ReadsOnlyAsFastAsPiecesAreTaken) {
  std::latch go_on{1};
  std::atomic<std::size_t> fed = 0;
  auto options = RunningServer::quick_options();
  options.piece_bytes = 1000;
  std::vector<Route> blocking{
      {"POST", "/take", Uploading{[&](std::shared_ptr<const Request>) -> std::expected<Upload, Response> {
         return Upload{.feed =
                           [&](std::string_view piece) {
                             fed += piece.size();
                             go_on.wait();
                             return true;
                           },
                       .finish = [&](const Respond& respond) { respond_with(respond, std::to_string(fed)); },
                       .abandon = [] {}};
       }},
       "take"}};
  RunningServer server{std::move(blocking), options};
  Client client{server.port()};
  constexpr std::size_t length = 64 << 20;
  std::atomic<std::size_t> sent = 0;
  std::thread sender{[&] {
    ASSERT_TRUE(client.send(post("Content-Length: " + std::to_string(length) + "\r\n")));
    const std::string part(1 << 16, 'x');
    for (; sent < length; sent += part.size()) ASSERT_TRUE(client.send(part));
  }};
  // With the first piece held back the sender gets no further than what the kernel keeps.
  ASSERT_TRUE(comes_true([&] { return fed > 0; }));
  std::this_thread::sleep_for(300ms);
  EXPECT_EQ(fed, 1000U);
  EXPECT_LT(sent, length);
  go_on.count_down();
  sender.join();
  EXPECT_EQ(client.read_answer()->body, std::to_string(length));
}

TEST(Upload, ContinueIsSaidOnlyAfterTheHandlerHasAgreed) {
  Seen seen;
  RunningServer server{routes(seen)};
  Client client{server.port()};
  ASSERT_TRUE(client.send(post("Content-Length: 5\r\nExpect: 100-continue\r\n")));
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(client.ask("hello")->body, "5");
  // A client that does not wait is not told to go on.
  EXPECT_EQ(client.ask(post("Content-Length: 5\r\nExpect: 100-continue\r\n") + "hello")->status, 201U);

  const auto refused = client.ask(post("Content-Length: 5\r\nExpect: 100-continue\r\nX-Refuse: 1\r\n"));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 415U);
  EXPECT_TRUE(refused->closes());
  EXPECT_TRUE(client.at_end());

  Client too_long{server.port()};
  EXPECT_EQ(too_long.ask(post("Content-Length: 99999999999\r\nExpect: 100-continue\r\n"))->status, 413U);
}

TEST(Upload, TheAnswerToARefusedBodyArrives) {
  Seen seen;
  RunningServer server{routes(seen)};
  for (const std::size_t length : {std::size_t{10}, std::size_t{900'000}}) {
    Client client{server.port()};
    // All of it is on its way before the client looks.
    ASSERT_TRUE(client.send(post("X-Refuse: 1\r\nContent-Length: " + std::to_string(length) + "\r\n")));
    ASSERT_TRUE(client.send(some_bytes(length)));
    const auto answer = client.read_answer();
    ASSERT_TRUE(answer) << length;
    EXPECT_EQ(answer->status, 415U);
    EXPECT_TRUE(answer->closes());
    EXPECT_TRUE(client.at_end());
  }
  EXPECT_EQ(seen.pieces, 0);
  // A refusal of a request without a body does not cost the connection.
  Client client{server.port()};
  EXPECT_EQ(client.ask(post("X-Refuse: 1\r\n"))->status, 415U);
  EXPECT_EQ(client.ask(get("/hello"))->status, 200U);
}

TEST(Upload, TheAnswerToARefusedBodyArrivesWhileTheClientGoesOnSending) {
  Seen seen;
  auto options = RunningServer::quick_options();
  options.lingered_bytes_max = 100'000;
  options.linger_time = 500ms;
  RunningServer server{routes(seen), options};
  Client client{server.port()};
  ASSERT_TRUE(client.send(post("X-Refuse: 1\r\nContent-Length: 1000000000\r\n")));
  std::size_t sent = 0;
  std::thread sender{[&] {
    const std::string part(1 << 16, 'x');
    while (sent < 1'000'000'000 && client.send(part)) sent += part.size();
  }};
  const auto answer = client.read_answer();
  sender.join();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 415U);
  EXPECT_LT(sent, 1'000'000'000U) << "the rest must be bounded";
}

TEST(Upload, EndsEarlyWhenNoMoreIsWanted) {
  Seen seen;
  auto options = RunningServer::quick_options();
  options.piece_bytes = 1000;
  RunningServer server{routes(seen, 5000), options};
  Client client{server.port()};
  ASSERT_TRUE(client.send(post("Content-Length: 800000\r\n")));
  ASSERT_TRUE(client.send(some_bytes(800'000)));
  const auto answer = client.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 201U);
  EXPECT_TRUE(answer->closes());
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(answer->body, std::to_string(seen.body.size()));
  EXPECT_GE(seen.body.size(), 5000U);
  EXPECT_LT(seen.body.size(), 6000U);
  EXPECT_EQ(seen.finished, 1);
  EXPECT_EQ(seen.abandoned, 0);
}

TEST(Upload, KeepsToItsLengthLimit) {
  Seen seen;
  auto options = RunningServer::quick_options();
  options.body_bytes_max = 1000;
  RunningServer server{routes(seen), options};
  Client exact{server.port()};
  EXPECT_EQ(exact.ask(post("Content-Length: 1000\r\n") + some_bytes(1000))->status, 201U);
  const auto over = exact.ask(post("Content-Length: 1001\r\n"));
  EXPECT_EQ(over->status, 413U);
  EXPECT_TRUE(over->is_problem("body-too-large"));
  EXPECT_EQ(seen.abandoned, 0);
  Client chunked{server.port()};
  const auto cut = chunked.ask(post("Transfer-Encoding: chunked\r\n") + "400\r\n" + some_bytes(1024) + "\r\n0\r\n\r\n");
  EXPECT_EQ(cut->status, 413U);
  EXPECT_TRUE(cut->closes());
  EXPECT_TRUE(comes_true([&] { return seen.abandoned == 1; }));
  EXPECT_EQ(seen.finished, 1);
}

TEST(Upload, MalformedChunksAreRefused) {
  Seen seen;
  RunningServer server{routes(seen)};
  Client client{server.port()};
  const auto answer = client.ask(post("Transfer-Encoding: chunked\r\n") + "5\r\nhelloX\r\n" + get("/hello"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 400U);
  EXPECT_TRUE(answer->closes());
  EXPECT_TRUE(client.at_end());
  EXPECT_TRUE(comes_true([&] { return seen.abandoned == 1; }));
  EXPECT_EQ(seen.finished, 0);
}

TEST(Upload, IsAbandonedWhenTheClientGoes) {
  Seen seen;
  RunningServer server{routes(seen)};
  {
    Client client{server.port()};
    ASSERT_TRUE(client.send(post("Content-Length: 100\r\n") + "some"));
    ASSERT_TRUE(comes_true([&] { return seen.pieces == 1; }));
  }
  EXPECT_TRUE(comes_true([&] { return seen.abandoned == 1; }));
  Client other{server.port()};
  ASSERT_TRUE(other.send(post("Content-Length: 100\r\n")));
  other.reset();
  EXPECT_TRUE(comes_true([&] { return seen.abandoned == 2; }));
  EXPECT_EQ(seen.finished, 0);
}

TEST(Upload, ABodyThatStopsComingGets408) {
  Seen seen;
  auto options = RunningServer::quick_options();
  options.body_idle_timeout = 100ms;
  RunningServer server{routes(seen), options};
  Client client{server.port()};
  ASSERT_TRUE(client.send(post("Content-Length: 100\r\n") + "some"));
  const auto answer = client.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 408U);
  EXPECT_TRUE(answer->closes());
  EXPECT_TRUE(comes_true([&] { return seen.abandoned == 1; }));
}

TEST(Upload, ABodyThatComesSlowlyButSteadilyGets408) {
  Seen seen;
  auto options = RunningServer::quick_options();
  options.body_idle_timeout = 10s;
  options.request_timeout = 300ms;
  RunningServer server{routes(seen), options};
  Client client{server.port()};
  ASSERT_TRUE(client.send(post("Content-Length: 1000000\r\n")));
  std::atomic<bool> done = false;
  std::thread sender{[&] {
    while (!done && client.send("x")) std::this_thread::sleep_for(20ms);
  }};
  const auto answer = client.read_answer();
  done = true;
  sender.join();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 408U);
  EXPECT_TRUE(answer->is_problem("timeout"));
  EXPECT_TRUE(answer->body.contains("as a whole"));
  EXPECT_TRUE(answer->closes());
  EXPECT_TRUE(comes_true([&] { return seen.abandoned == 1; }));
}

TEST(Upload, AHandlerThatFailsIsA500) {
  std::atomic<int> abandoned = 0;
  const auto fail = [] { throw std::runtime_error{"secret"}; };
  const auto with = [&](std::function<bool(std::string_view)> feed, std::function<void(Respond)> finish) {
    return Uploading{[&abandoned, feed, finish](std::shared_ptr<const Request>) -> std::expected<Upload, Response> {
      return Upload{.feed = feed, .finish = finish, .abandon = [&abandoned] { ++abandoned; }};
    }};
  };
  RunningServer server{
      {{"POST", "/agree", Uploading{[&](std::shared_ptr<const Request>) -> std::expected<Upload, Response> {
          fail();
          return Upload{};
        }},
        "agree"},
       {"POST", "/feed", with([&](std::string_view) { return fail(), true; }, [](const Respond&) {}), "feed"},
       {"POST", "/finish", with([](std::string_view) { return true; }, [&](const Respond&) { fail(); }), "finish"}}};
  for (const std::string path : {"/agree", "/feed", "/finish"}) {
    Client client{server.port()};
    const auto answer = client.ask("POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
    ASSERT_TRUE(answer) << path;
    EXPECT_EQ(answer->status, 500U) << path;
    EXPECT_FALSE(answer->body.contains("secret"));
  }
  EXPECT_TRUE(comes_true([&] { return abandoned == 1; }));  // that of /feed
}

}  // namespace
}  // namespace ratebook::http
