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
  auto options = RunningServer::quick_options();
  options.drain_time = 3s;
  RunningServer server{source.routes(), options};
  Client client{server.port()};
  ASSERT_TRUE(client.send(get("/events")));
  ASSERT_TRUE(comes_true([&] { return source.started == 1; }));
  EXPECT_TRUE(source.send("data: last\n\n"));
  server.stop();
  EXPECT_THAT(client.read_until("0\r\n\r\n").value_or(""), ::testing::HasSubstr("data: last"));
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(Client{server.port()}.ask(get("/nothing"))->status, 404U) << "it did not wait for the drain time's end";
  EXPECT_TRUE(comes_true([&] { return source.closed == 1; }));
  EXPECT_FALSE(source.send("data: late\n\n"));
}

TEST(EventStream, OneOpenedDuringTheDrainTimeEndsWithIt) {
  Source source;
  auto options = RunningServer::quick_options();
  options.drain_time = 500ms;
  RunningServer server{source.routes(), options};
  server.stop();
  Client client{server.port()};
  ASSERT_TRUE(client.send(get("/events")));
  ASSERT_TRUE(comes_true([&] { return source.started == 1; }));
  EXPECT_THAT(client.read_until("0\r\n\r\n").value_or(""), ::testing::EndsWith("\r\n\r\n0\r\n\r\n"));
  EXPECT_TRUE(client.at_end());
  server.wait_until_done();
}

TEST(EventStream, DroppedItEndsInGoodFormWithoutWhatWaits) {
  Source source;
  auto options = RunningServer::quick_options();
  options.stream_bytes_waiting_max = 64 << 20;
  RunningServer server{source.routes(), options};
  const auto client = Client::with_small_buffer(server.port());
  ASSERT_TRUE(client->send(get("/events")));
  ASSERT_TRUE(comes_true([&] { return source.started == 1; }));
  const std::string event(10'000, 'e');
  for (int i = 0; i < 3000; ++i) ASSERT_TRUE(source.send(event));
  source.stream().drop();
  const auto got = client->read_until("\r\n0\r\n\r\n");
  ASSERT_TRUE(got);
  EXPECT_LT(got->size(), 25'000'000U);
  EXPECT_TRUE(client->at_end());
}

/// Many clients that listen and do not read.
class Stalled {
 public:
  static constexpr std::size_t count = 40;
  static constexpr std::size_t bytes_max = 1 << 20;

  Stalled() {
    for (std::size_t i = 0; i < count; ++i) {
      clients_.push_back(Client::with_small_buffer(server_.port()));
      EXPECT_TRUE(clients_.back()->send(get("/events")));
    }
    EXPECT_TRUE(comes_true([&] { return started() == count; }));
  }
  std::size_t started() {
    const std::lock_guard lock{mutex_};
    return streams_.size();
  }
  std::vector<EventStream> streams() {
    const std::lock_guard lock{mutex_};
    return streams_;
  }
  std::size_t closed() const { return closed_; }

  static ServerOptions options() {
    auto quick = RunningServer::quick_options();
    quick.stream_bytes_waiting_max = 1 << 30;
    quick.streams_bytes_waiting_max = bytes_max;
    return quick;
  }
  std::vector<Route> routes() {
    return {{"GET", "/events", Streaming{[this](std::shared_ptr<const Request>) -> std::expected<Stream, Response> {
               return Stream{.headers = {},
                             .start =
                                 [this](const EventStream& stream) {
                                   const std::lock_guard lock{mutex_};
                                   streams_.push_back(stream);
                                 },
                             .closed = [this] { ++closed_; }};
             }},
             "events"}};
  }

 private:
  std::mutex mutex_;
  std::vector<EventStream> streams_;
  std::atomic<std::size_t> closed_ = 0;
  RunningServer server_{routes(), options()};
  std::vector<std::unique_ptr<Client>> clients_;
};

TEST(EventStreams, BeyondTheBoundOfAllSomeAreCut) {
  Stalled stalled;
  const auto streams = stalled.streams();
  // Each has a text of its own: nothing is shared. What the kernel's buffers take does not wait here.
  for (int round = 0; round < 40'000 && stalled.closed() == 0; ++round) {
    for (const auto& stream : streams) stream.send(std::string(4000, 'e'));
    std::this_thread::sleep_for(100us);
  }
  EXPECT_GE(stalled.closed(), 1U);
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
