#include "client/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "client/scripted_server.hpp"

namespace ratebook::client {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::StartsWith;

Request get(std::string target) {
  Request request;
  request.target = std::move(target);
  return request;
}

Request post(std::string_view body) {
  Request request;
  request.method = "POST";
  request.target = "/v1/batches";
  request.body = text_body(body);
  return request;
}

TEST(Client, sends_head_and_body_and_reads_the_answer) {
  std::string seen;
  ScriptedServer server{{[&](Peer& peer) {
    seen = peer.read_request();
    peer.answer("201 Created", R"({"id":"1"})", "Location: /v1/batches/1\r\n");
  }}};
  auto client = client_of(server);
  auto request = post("some bytes");
  request.headers.emplace_back("Idempotency-Key", "k1");
  const auto answer = client.send(request);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 201u);
  EXPECT_EQ(answer->body, R"({"id":"1"})");
  EXPECT_EQ(answer->header("location"), "/v1/batches/1");
  EXPECT_EQ(answer->header("ETag"), std::nullopt);
  EXPECT_THAT(seen, StartsWith("POST /v1/batches HTTP/1.1\r\nHost: 127.0.0.1:"));
  EXPECT_THAT(seen, HasSubstr("\r\nIdempotency-Key: k1\r\n"));
  EXPECT_THAT(seen, HasSubstr("\r\nContent-Length: 10\r\n"));
  EXPECT_TRUE(seen.ends_with("\r\n\r\nsome bytes"));
}

TEST(Client, each_request_has_an_id_of_its_own_in_one_trace) {
  std::vector<std::string> heads;
  ScriptedServer server{{[&](Peer& peer) {
    for (int i = 0; i < 2; ++i) {
      heads.push_back(peer.read_head());
      peer.answer("200 OK", "{}");
    }
    heads.push_back(peer.read_head());  // closes instead of an answer
  }}};
  auto client = client_of(server);
  ASSERT_TRUE(client.send(get("/")));
  ASSERT_TRUE(client.send(get("/")));
  const auto unknown = client.send(post("x"));
  const std::regex ids{"X-Request-Id: ([0-9a-f]{16})\r\ntraceparent: 00-([0-9a-f]{32})-([0-9a-f]{16})-00\r\n"};
  std::vector<std::smatch> found(3);
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(std::regex_search(heads[i], found[i], ids)) << heads[i];
    EXPECT_EQ(found[i][1], found[i][3]);
    EXPECT_EQ(found[i][2], found[0][2]);
  }
  EXPECT_NE(found[0][1], found[1][1]);
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("(request " + found[2][1].str() + ")"));
}

TEST(Client, keeps_the_connection) {
  ScriptedServer server{{[](Peer& peer) {
    for (int i = 0; i < 3; ++i) peer.answer("200 OK", "{\"asked\":\"" + peer.read_head().substr(4, 2) + "\"}");
  }}};
  auto client = client_of(server);
  EXPECT_EQ(client.send(get("/a"))->body, R"({"asked":"/a"})");
  EXPECT_EQ(client.send(get("/b"))->body, R"({"asked":"/b"})");
  EXPECT_EQ(client.send(get("/c"))->body, R"({"asked":"/c"})");
  EXPECT_EQ(server.connections(), 1u);
}

TEST(Client, a_get_on_a_kept_connection_that_the_server_closes_is_sent_again) {
  ScriptedServer server{{[](Peer& peer) {
                           peer.read_head();
                           peer.answer("200 OK", "{}");
                           peer.read_head();  // closes instead of an answer
                         },
                         [](Peer& peer) {
                           peer.read_head();
                           peer.answer("200 OK", R"({"second":true})");
                         }}};
  auto client = client_of(server);
  ASSERT_TRUE(client.send(get("/")));
  const auto answer = client.send(get("/"));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, R"({"second":true})");
  EXPECT_EQ(server.connections(), 2u);
}

TEST(Client, a_post_whose_connection_breaks_is_unknown_and_never_sent_again_by_itself) {
  ScriptedServer server{{[](Peer& peer) {
                           peer.read_head();
                           peer.answer("200 OK", "{}");
                           peer.read_request();
                           peer.reset();
                         },
                         [](Peer& peer) { peer.read_head(); }}};
  auto client = client_of(server);
  ASSERT_TRUE(client.send(get("/")));
  const auto answer = client.send(post("x"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, Failure::unknown);
  EXPECT_EQ(server.connections(), 1u);
}

TEST(Client, reads_an_answer_that_comes_before_the_body_is_sent_and_sends_no_more) {
  const std::string body(64 << 20, 'x');
  std::uint64_t sent = 0;
  ScriptedServer server{{[](Peer& peer) {
    peer.read_head();
    peer.answer("413 Content Too Large", R"({"title":"too large"})");
    peer.read_body(1 << 20);  // what is on its way already
  }}};
  auto client = client_of(server);
  auto request = post(body);
  request.progress = [&](std::uint64_t bytes) { sent = bytes; };
  const auto answer = client.send(request);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 413u);
  EXPECT_EQ(answer->body, R"({"title":"too large"})");
  EXPECT_LT(sent, body.size());
}

TEST(Client, progress_grows_up_to_the_whole_body) {
  const std::string body(3 << 20, 'x');
  std::vector<std::uint64_t> seen;
  ScriptedServer server{{[&](Peer& peer) {
    EXPECT_TRUE(peer.read_request().ends_with(body));
    peer.answer("200 OK", "{}");
  }}};
  auto client = client_of(server);
  auto request = post(body);
  request.progress = [&](std::uint64_t bytes) { seen.push_back(bytes); };
  ASSERT_TRUE(client.send(request));
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_EQ(seen.back(), body.size());
  EXPECT_GT(seen.size(), 2u);
}

TEST(Client, reads_a_chunked_answer_that_comes_byte_by_byte) {
  ScriptedServer server{{[](Peer& peer) {
    peer.read_head();
    for (const char c : std::string_view{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                         "5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\n\r\n"}) {
      peer.say({&c, 1});
    }
    peer.read_head();
    peer.answer("200 OK", "again");
  }}};
  auto client = client_of(server);
  EXPECT_EQ(client.send(get("/"))->body, "hello, world");
  EXPECT_EQ(client.send(get("/"))->body, "again");
  EXPECT_EQ(server.connections(), 1u);
}

TEST(Client, passes_over_interim_answers) {
  ScriptedServer server{{[](Peer& peer) {
    peer.read_head();
    peer.say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n");
    peer.answer("200 OK", "{}");
  }}};
  EXPECT_EQ(client_of(server).send(get("/"))->status, 200u);
}

TEST(Client, an_answer_without_a_length_ends_with_the_connection) {
  ScriptedServer server{{[](Peer& peer) {
    peer.read_head();
    peer.say("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it");
  }}};
  EXPECT_EQ(client_of(server).send(get("/"))->body, "all of it");
}

TEST(Client, an_answer_cut_short_is_unknown) {
  ScriptedServer server{{[](Peer& peer) {
    peer.read_head();
    peer.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  }}};
  const auto answer = client_of(server).send(get("/"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, Failure::unknown);
}

TEST(Client, an_answer_that_is_no_http_is_damaged) {
  ScriptedServer server{{[](Peer& peer) {
    peer.read_head();
    peer.say("SSH-2.0-OpenSSH_9.2\r\n\r\n");
  }}};
  const auto answer = client_of(server).send(get("/"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, Failure::damaged);
}

TEST(Client, a_server_that_stays_silent_is_given_up) {
  ScriptedServer server{{[](Peer& peer) {
    peer.read_head();
    peer.read_head();  // until the client closes
  }}};
  auto client =
      client_of(server, {.connect = milliseconds{1000}, .stall = milliseconds{200}, .answer = milliseconds{200}});
  const auto answer = client.send(get("/"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, Failure::unknown);
  EXPECT_THAT(answer.error().message, HasSubstr("does not answer"));
}

TEST(Client, a_server_that_stops_reading_is_given_up) {
  ScriptedServer server{{[](Peer& peer) {
    peer.read_head();
    std::this_thread::sleep_for(milliseconds{1500});
  }}};
  const std::string body(64 << 20, 'x');
  auto client =
      client_of(server, {.connect = milliseconds{1000}, .stall = milliseconds{200}, .answer = milliseconds{60'000}});
  const auto answer = client.send(post(body));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, Failure::unknown);
  EXPECT_THAT(answer.error().message, HasSubstr("takes no more"));
}

TEST(Client, hands_an_answer_on_as_it_comes) {
  constexpr int pieces = 300;  // of 1 MiB: more than an answer that is kept may have
  const std::string piece(1 << 20, 'x');
  ScriptedServer server{{[&](Peer& peer) {
    peer.read_head();
    peer.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < pieces; ++i) peer.say("100000\r\n" + piece + "\r\n");
    peer.say("0\r\n\r\n");
    peer.read_head();
    peer.answer("404 Not Found", "no");
  }}};
  auto client = client_of(server);
  std::size_t bytes = 0;
  std::size_t longest = 0;
  auto request = get("/");
  request.take = [&](std::string_view some) {
    bytes += some.size();
    longest = std::max(longest, some.size());
    return true;
  };
  const auto answer = client.send(request);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "");
  EXPECT_EQ(bytes, pieces * piece.size());
  EXPECT_LT(longest, piece.size());
  EXPECT_EQ(client.send(request)->body, "no");
}

TEST(Client, an_answer_that_breaks_off_or_is_not_wanted_is_a_fault) {
  for (const bool wanted : {true, false}) {
    ScriptedServer server{{[](Peer& peer) {
      peer.read_head();
      peer.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    }}};
    auto request = get("/");
    request.take = [wanted](std::string_view) { return wanted; };
    const auto answer = client_of(server).send(request);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().failure, wanted ? Failure::unknown : Failure::full);
  }
}

TEST(Client, where_nobody_listens_nothing_was_sent) {
  std::string address;
  {
    ScriptedServer closed{{}};
    address = closed.address();
  }
  Client client{parse_url(address).value()};
  const auto answer = client.send(post("x"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, Failure::refused);
}

TEST(Client, a_body_that_becomes_shorter_is_cut_off) {
  ScriptedServer server{{[](Peer& peer) { EXPECT_FALSE(peer.read_request().ends_with("\r\n\r\n1234567890")); }}};
  auto client = client_of(server);
  auto request = post("12345");
  request.body->bytes_total = 10;
  const auto answer = client.send(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, Failure::damaged);
}

TEST(Client, a_header_cannot_smuggle_another) {
  ScriptedServer server{{[](Peer& peer) { peer.read_head(); }}};
  auto request = get("/");
  request.headers.emplace_back("Idempotency-Key", "k\r\nX: y");
  const auto answer = client_of(server).send(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, Failure::conflict);
  EXPECT_EQ(server.connections(), 0u);
}

}  // namespace
}  // namespace ratebook::client
