// Answers that are made while they are sent: whole and in order, or visibly cut; no faster than the client takes them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>

#include "http/test_client.hpp"

namespace ratebook::http {
namespace {

using namespace std::chrono_literals;
using testing::Client;
using testing::comes_true;
using testing::get;
using testing::RunningServer;

constexpr std::size_t piece_bytes = 100'000;

std::string piece_of(int number) { return std::string(piece_bytes, static_cast<char>('a' + number % 26)); }

/// Counts what it makes, and knows whether it is still held.
struct Maker {
  int count = 0;  ///< so many pieces
  std::expected<std::string, std::string> last = std::string{};
  bool throws = false;
  std::atomic<int> made = 0;
  std::atomic<int> running = 0;
  std::atomic<bool> overlapped = false;
  std::weak_ptr<int> held;

  Pieces pieces() {
    auto token = std::make_shared<int>(0);
    held = token;
    return [this, token]() -> std::expected<std::string, std::string> {
      if (++running != 1) overlapped = true;
      const int number = made++;
      if (number >= count && throws) {
        --running;
        throw std::runtime_error{"thrown"};
      }
      auto result = number < count ? piece_of(number) : last;
      --running;
      return result;
    };
  }
  std::vector<Route> routes() {
    return {{"GET", "/pieces", Deferred{[this](const std::shared_ptr<const Request>&, const Respond& respond) {
               Response response{200, "text/plain", {{"X-Kind", "long"}}, {}, pieces()};
               respond(std::move(response));
             }},
             "pieces"},
            {"GET", "/short", Immediate{[](const Request&, Response& response) { response.body = "short"; }}, "short"}};
  }
};

std::string whole(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += piece_of(i);
  return text;
}

TEST(Pieces, arrive_whole_and_in_order_and_the_connection_goes_on) {
  Maker maker{.count = 40};
  RunningServer server{maker.routes()};
  Client client{server.port()};
  for (int round = 0; round < 2; ++round) {
    maker.made = 0;
    const auto answer = client.ask(get("/pieces") + get("/short"));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200U);
    EXPECT_EQ(answer->headers.at("transfer-encoding"), "chunked");
    EXPECT_EQ(answer->headers.at("x-kind"), "long");
    EXPECT_FALSE(answer->headers.contains("content-length"));
    EXPECT_TRUE(answer->body == whole(40)) << answer->body.size();
    const auto next = client.read_answer();
    ASSERT_TRUE(next);
    EXPECT_EQ(next->body, "short");
  }
  EXPECT_FALSE(maker.overlapped);
  EXPECT_TRUE(comes_true([&] { return maker.held.expired(); }));
}

TEST(Pieces, none_at_all_is_an_empty_body) {
  Maker maker;
  RunningServer server{maker.routes()};
  Client client{server.port()};
  const auto answer = client.ask(get("/pieces"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "");
}

TEST(Pieces, an_error_cuts_the_answer_where_the_client_sees_it) {
  for (const bool throws : {false, true}) {
    Maker maker{.count = 3, .last = std::unexpected{std::string{"broken"}}, .throws = throws};
    std::atomic<int> reported = 0;
    std::string error;
    RunningServer server{maker.routes(), RunningServer::quick_options(), [&](const Answered& answered) {
                           error = answered.error;
                           ++reported;
                         }};
    Client client{server.port()};
    EXPECT_FALSE(client.ask(get("/pieces")));  // its end never came
    EXPECT_TRUE(comes_true([&] { return reported == 1; }));
    EXPECT_EQ(error, throws ? "thrown" : "broken");
    EXPECT_TRUE(comes_true([&] { return maker.held.expired(); }));
  }
}

TEST(Pieces, wait_for_a_client_that_does_not_read) {
  constexpr int count = 500;  // 50 MB: far more than sockets hold
  Maker maker{.count = count};
  RunningServer server{maker.routes()};
  const auto client = Client::with_small_buffer(server.port());
  ASSERT_TRUE(client->send(get("/pieces")));
  ASSERT_TRUE(client->read_until("\r\n\r\n"));
  int before = -1;
  while (maker.made != before) {  // until nothing more is made
    before = maker.made;
    std::this_thread::sleep_for(200ms);
  }
  EXPECT_LT(before, count / 4);
  std::size_t bytes = 0;
  while (const auto text = client->read_until("\r\n")) {
    bytes += text->size();
    if (*text == "0\r\n") break;
  }
  EXPECT_GT(bytes, count * piece_bytes);
  EXPECT_EQ(maker.made, count + 1);
}

TEST(Pieces, are_dropped_when_the_client_goes) {
  Maker maker{.count = 1'000'000};
  std::atomic<int> reported = 0;
  std::atomic<int> errors = 0;
  RunningServer server{maker.routes(), RunningServer::quick_options(), [&](const Answered& answered) {
                         if (!answered.error.empty()) ++errors;
                         ++reported;
                       }};
  Client client{server.port()};
  ASSERT_TRUE(client.send(get("/pieces")));
  ASSERT_TRUE(client.read_until("\r\n\r\n"));
  client.reset();
  EXPECT_TRUE(comes_true([&] { return reported == 1; }));
  EXPECT_EQ(errors, 0) << "a client that goes is no error of the handler";
  EXPECT_TRUE(comes_true([&] { return maker.held.expired(); }));
}

TEST(Pieces, head_has_no_body_and_http_1_0_has_no_chunks) {
  Maker maker{.count = 3};
  RunningServer server{maker.routes()};
  Client client{server.port()};
  ASSERT_TRUE(client.send("HEAD /pieces HTTP/1.1\r\nHost: a\r\n\r\n"));
  const auto head = client.read_answer(true);
  ASSERT_TRUE(head);
  EXPECT_FALSE(head->headers.contains("content-length"));
  EXPECT_EQ(maker.made, 0);
  ASSERT_TRUE(client.send("GET /pieces HTTP/1.0\r\n\r\n"));
  EXPECT_THAT(client.read_until("\r\n\r\n").value_or(""), ::testing::Not(::testing::HasSubstr("chunked")));
  EXPECT_EQ(client.read_until("cc").value_or("").substr(0, 2), "aa");
}

}  // namespace
}  // namespace ratebook::http
