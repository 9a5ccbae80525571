// Event streams: what is sent arrives, in order and in good time; slow and gone clients end them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

#include "http/test_client.hpp"

namespace ratebook::http {
namespace {

using namespace std::chrono_literals;
using testing::Client;
using testing::comes_true;
using testing::get;
using testing::RunningServer;

/// The handler's side, for a test to send through.
class Source {
 public:
  std::vector<Route> routes() {
    return {{"GET", "/events",
             Streaming{[this](std::shared_ptr<const Request> request) -> std::expected<Stream, Response> {
               if (request->header("x-refuse")) return std::unexpected{problem(503, "no", "No", "")};
               return Stream{.headers = {{"Cache-Control", "no-store"}},
                             .start =
                                 [this](const EventStream& stream) {
                                   const std::lock_guard lock{mutex_};
                                   stream_ = stream;
                                   ++started;
                                 },
                             .closed = [this] { ++closed; }};
             }},
             "events"}};
  }
  EventStream stream() {
    const std::lock_guard lock{mutex_};
    return stream_;
  }
  bool send(std::string text) { return stream().send(std::move(text)); }

  std::atomic<int> started = 0, closed = 0;

 private:
  std::mutex mutex_;
  EventStream stream_;
};

TEST(EventStream, SendsEventsAsTheyCome) {
  Source source;
  RunningServer server{source.routes()};
  Client client{server.port()};
  ASSERT_TRUE(client.send(get("/events")));
  const auto head = client.read_until("\r\n\r\n");
  ASSERT_TRUE(head);
  EXPECT_THAT(*head, ::testing::StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(*head, ::testing::HasSubstr("Content-Type: text/event-stream\r\n"));
  EXPECT_THAT(*head, ::testing::HasSubstr("Cache-Control: no-store\r\n"));
  EXPECT_THAT(*head, ::testing::HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(*head, ::testing::HasSubstr("X-Request-Id: "));
  ASSERT_TRUE(comes_true([&] { return source.started == 1; }));
  EXPECT_TRUE(source.send("data: 1\n\n"));
  EXPECT_EQ(client.read_until("\n\n\r\n"), "9\r\ndata: 1\n\n\r\n");
  EXPECT_TRUE(source.send("data: 2\n\n"));
  EXPECT_EQ(client.read_until("\n\n\r\n"), "9\r\ndata: 2\n\n\r\n");
  EXPECT_EQ(source.closed, 0);
  source.stream().close();
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "0\r\n\r\n");
  EXPECT_TRUE(client.at_end());
  EXPECT_TRUE(comes_true([&] { return source.closed == 1; }));
  EXPECT_FALSE(source.send("data: 3\n\n"));
}

TEST(EventStream, KeepsTheOrderOfASender) {
  Source source;
  RunningServer server{source.routes()};
  Client client{server.port()};
  ASSERT_TRUE(client.send("GET /events HTTP/1.0\r\n\r\n"));  // no chunks: easy to compare
  ASSERT_TRUE(client.read_until("\r\n\r\n"));
  ASSERT_TRUE(comes_true([&] { return source.started == 1; }));
  std::string expected;
  for (int i = 0; i < 20'000; ++i) {
    const std::string event = "data: " + std::to_string(i) + "\n\n";
    ASSERT_TRUE(source.send(event));
    expected += event;
  }
  source.stream().close();
  EXPECT_EQ(client.read_until("data: 19999\n\n"), expected);
  EXPECT_TRUE(client.at_end());
}

TEST(EventStream, ARefusalIsAnAnswer) {
  Source source;
  RunningServer server{source.routes()};
  Client client{server.port()};
  EXPECT_EQ(client.ask("GET /events HTTP/1.1\r\nHost: h\r\nX-Refuse: 1\r\n\r\n")->status, 503U);
  ASSERT_TRUE(client.send("HEAD /events HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_EQ(client.read_answer(true)->headers.at("content-type"), "text/event-stream");
  EXPECT_TRUE(client.at_end());
  EXPECT_TRUE(comes_true([&] { return source.closed == 1; }));
  EXPECT_EQ(source.started, 0);
}

TEST(EventStream, BeatsWhileNothingHappens) {
  Source source;
  auto options = RunningServer::quick_options();
  options.heartbeat_time = 50ms;
  RunningServer server{source.routes(), options};
  Client client{server.port()};
  ASSERT_TRUE(client.send(get("/events")));
  ASSERT_TRUE(client.read_until("\r\n\r\n"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.read_until("\n\n\r\n"), "3\r\n:\n\n\r\n");
}

TEST(EventStream, EndsWhenTheClientGoes) {
  Source source;
  RunningServer server{source.routes()};
  {
    Client client{server.port()};
    ASSERT_TRUE(client.send(get("/events")));
    ASSERT_TRUE(comes_true([&] { return source.started == 1; }));
  }
  EXPECT_TRUE(comes_true([&] { return source.closed == 1; }));
  EXPECT_FALSE(source.send("data: 1\n\n"));
}

TEST(EventStream, AClientThatReadsTooSlowlyIsCutOff) {
  Source source;
  auto options = RunningServer::quick_options();
  options.stream_bytes_waiting_max = 100'000;
  RunningServer server{source.routes(), options};
  const auto client = Client::with_small_buffer(server.port());
  ASSERT_TRUE(client->send(get("/events")));
  ASSERT_TRUE(comes_true([&] { return source.started == 1; }));
  const std::string event(10'000, 'e');
  std::size_t sent = 0;
  while (sent < (std::size_t{1} << 30) && source.send(event)) {
    sent += event.size();
    std::this_thread::sleep_for(100us);
  }
  EXPECT_LT(sent, std::size_t{1} << 30) << "what waits must be bounded";
  EXPECT_TRUE(comes_true([&] { return source.closed == 1; }));
}

TEST(EventStream, OneEventOverTheBoundEndsTheStream) {
  Source source;
  auto options = RunningServer::quick_options();
  options.stream_bytes_waiting_max = 1000;
  RunningServer server{source.routes(), options};
  Client client{server.port()};
  ASSERT_TRUE(client.send(get("/events")));
  ASSERT_TRUE(comes_true([&] { return source.started == 1; }));
  EXPECT_TRUE(source.send(std::string(1000, 'e')));
  ASSERT_TRUE(client.read_until("\r\ne"));
  EXPECT_FALSE(source.send(std::string(1001, 'e')));
  EXPECT_TRUE(comes_true([&] { return source.closed == 1; }));
}

TEST(EventStream, AStopClosesIt) {
  Source source;
  RunningServer server{source.routes()};
  Client client{server.port()};
  ASSERT_TRUE(client.send(get("/events")));
  ASSERT_TRUE(comes_true([&] { return source.started == 1; }));
  EXPECT_TRUE(source.send("data: last\n\n"));
  server.stop();
  EXPECT_THAT(client.read_until("0\r\n\r\n").value_or(""), ::testing::HasSubstr("data: last"));
  EXPECT_TRUE(client.at_end());
  server.wait_until_done();
  EXPECT_EQ(source.closed, 1);
  EXPECT_FALSE(source.send("data: late\n\n"));
}

TEST(EventStream, ItsHandleMayOutliveTheServer) {
  Source source;
  {
    RunningServer server{source.routes()};
    Client client{server.port()};
    ASSERT_TRUE(client.send(get("/events")));
    ASSERT_TRUE(comes_true([&] { return source.started == 1; }));
  }
  EXPECT_EQ(source.closed, 1);
  EXPECT_FALSE(source.send("data: late\n\n"));
  source.stream().close();
}

}  // namespace
}  // namespace ratebook::http
