// A stop under load loses no answer, waits for what runs, and ends.
#include <gtest/gtest.h>

#include <atomic>
#include <latch>

#include "http/test_client.hpp"

namespace ratebook::http {
namespace {

using namespace std::chrono_literals;
using testing::Client;
using testing::get;
using testing::RunningServer;

std::vector<Route> slow_routes() {
  return {{"GET", "/now", Immediate{[](const Request&, Response& response) { response.body = std::string(2000, 'n'); }},
           "now"},
          {"GET", "/later", Deferred{[](std::shared_ptr<const Request>, const Respond& respond) {
             std::this_thread::sleep_for(2ms);
             respond(Response{.status = 200, .content_type = "text/plain", .headers = {}, .body = "later"});
           }},
           "later"},
          {"POST", "/take", Uploading{[](std::shared_ptr<const Request>) -> std::expected<Upload, Response> {
             return Upload{.feed = [](std::string_view) { return true; },
                           .finish =
                               [](const Respond& respond) {
                                 respond(Response{.status = 201, .content_type = {}, .headers = {}, .body = {}});
                               },
                           .abandon = [] {}};
           }},
           "take"}};
}

struct Tally {
  std::atomic<int> answered = 0, lost = 0, closed_unasked = 0;
};

/// Sends request after request, on kept and on new connections, until the port is closed.
void load(std::uint16_t port, unsigned kind, Tally& tally) {
  const std::string requests[] = {get("/now"), get("/later"),
                                  "POST /take HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"};
  for (unsigned turn = kind;; ++turn) {
    Client client{port};
    if (!client.connected()) return;
    const int uses = turn % 2 == 0 ? 1 : 50;
    for (int use = 0; use < uses; ++use) {
      if (!client.send(requests[(turn + static_cast<unsigned>(use)) % 3])) {
        ++tally.closed_unasked;  // the server closed before it had anything of this request
        break;
      }
      const auto answer = client.read_answer();
      if (!answer) {
        ++tally.lost;
        break;
      }
      ++tally.answered;
      if (answer->closes()) break;
    }
  }
}

void stop_under_load(std::chrono::milliseconds drain_time) {
  auto options = RunningServer::quick_options();
  options.drain_time = drain_time;
  RunningServer server{slow_routes(), options};
  Tally tally;
  std::vector<std::thread> clients;
  for (unsigned i = 0; i < 6; ++i) clients.emplace_back(load, server.port(), i, std::ref(tally));
  while (tally.answered < 500) std::this_thread::sleep_for(1ms);
  server.stop();
  for (std::thread& client : clients) client.join();
  server.wait_until_done();
  EXPECT_EQ(tally.lost, 0);
  EXPECT_EQ(tally.closed_unasked, 0);
  EXPECT_GE(tally.answered, 500);
}

TEST(Stop, UnderLoadLosesNoAnswer) {
  for (int round = 0; round < 3; ++round) stop_under_load(0ms);
}

TEST(Stop, UnderLoadWithADrainTimeLosesNoAnswer) { stop_under_load(200ms); }

TEST(Stop, ResetsNoConnectionThatTheKernelHasAccepted) {
  for (int round = 0; round < 3; ++round) {
    RunningServer server{slow_routes()};
    std::atomic<int> answered = 0, lost = 0;
    std::vector<std::thread> clients;
    for (int i = 0; i < 8; ++i) {
      clients.emplace_back([&] {
        while (true) {
          Client client{server.port()};
          if (!client.connected()) return;
          ++(client.ask(get("/now")) ? answered : lost);
        }
      });
    }
    while (answered < 50) std::this_thread::sleep_for(1ms);
    server.stop();
    for (std::thread& client : clients) client.join();
    EXPECT_EQ(lost, 0);
  }
}

TEST(Stop, GoesOnServingForTheDrainTimeWithConnectionClose) {
  auto options = RunningServer::quick_options();
  options.drain_time = 500ms;
  RunningServer server{slow_routes(), options};
  Client kept{server.port()};
  EXPECT_FALSE(kept.ask(get("/now"))->closes());
  server.stop();
  bool closes = false;
  for (int i = 0; i < 200 && !closes; ++i) {
    Client fresh{server.port()};
    const auto answer = fresh.ask(get("/now"));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200U);
    closes = answer->closes();
  }
  EXPECT_TRUE(closes);
  const auto last = kept.ask(get("/now"));
  ASSERT_TRUE(last);
  EXPECT_TRUE(last->closes());
  EXPECT_TRUE(kept.at_end());
  server.wait_until_done();
  EXPECT_FALSE(Client{server.port()}.connected());
}

TEST(Stop, ClosesIdleConnectionsInOrder) {
  RunningServer server{slow_routes()};
  Client fresh{server.port()}, used{server.port()};
  EXPECT_EQ(used.ask(get("/now"))->status, 200U);
  server.stop();
  EXPECT_TRUE(fresh.at_end());
  EXPECT_TRUE(used.at_end());
}

TEST(Stop, WaitsForAnswersThatAreUnderWay) {
  std::latch begun{1}, go_on{1};
  std::vector<Route> slow{{"GET", "/slow", Deferred{[&](std::shared_ptr<const Request>, const Respond& respond) {
                             begun.count_down();
                             go_on.wait();
                             respond(
                                 Response{.status = 200, .content_type = "text/plain", .headers = {}, .body = "done"});
                           }},
                           "slow"}};
  auto options = RunningServer::quick_options();
  options.answer_grace_time = options.grace_time;
  RunningServer server{std::move(slow), options};
  Client client{server.port()};
  ASSERT_TRUE(client.send(get("/slow")));
  begun.wait();
  server.stop();
  std::this_thread::sleep_for(300ms);
  go_on.count_down();
  const auto answer = client.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "done");
  EXPECT_TRUE(answer->closes());
}

/// A call that reads, and takes as long as the test does; one that is made piece by piece without an end; an upload.
class Slow {
 public:
  std::vector<Route> routes() {
    return {{"GET", "/read",
             Deferred{[this](std::shared_ptr<const Request>, Respond respond) { keep(std::move(respond)); }}, "read"},
            {"POST", "/change",
             Deferred{[this](std::shared_ptr<const Request>, Respond respond) { keep(std::move(respond)); }}, "change"},
            {"GET", "/pieces", Deferred{[this](std::shared_ptr<const Request>, const Respond& respond) {
               Response response;
               response.content_type = "text/plain";
               response.pieces = [] { return std::string(1 << 20, 'p'); };
               respond(std::move(response));
               ++begun;
             }},
             "pieces"},
            {"GET", "/events", Streaming{[this](std::shared_ptr<const Request>) -> std::expected<Stream, Response> {
               return Stream{.headers = {},
                             .start =
                                 [this](const EventStream& stream) {
                                   stream.send("data: " + std::string(1 << 20, 'e') + "\n\n");
                                   ++begun;
                                 },
                             .closed = [] {}};
             }},
             "events"},
            {"POST", "/take", Uploading{[this](std::shared_ptr<const Request>) -> std::expected<Upload, Response> {
               return Upload{.feed = [this](std::string_view) { return ++begun, true; },
                             .finish = [this](Respond respond) { keep(std::move(respond)); },
                             .abandon = [] {}};
             }},
             "take"}};
  }
  void keep(Respond respond) {
    const std::lock_guard lock{mutex_};
    kept_ = std::move(respond);
    ++begun;
  }
  void answer(unsigned status) {
    const std::lock_guard lock{mutex_};
    kept_(Response{.status = status, .content_type = {}, .headers = {}, .body = {}});
  }

  std::atomic<int> begun = 0;

 private:
  std::mutex mutex_;
  Respond kept_;
};

TEST(Stop, WhoOnlyReadsOrDoesNotEvenDoThatHoldsUpNothing) {
  Slow slow;
  auto options = RunningServer::quick_options();
  options.grace_time = 20s;
  options.stream_bytes_waiting_max = 2 << 20;
  RunningServer server{slow.routes(), options};
  Client reads{server.port()}, half_a_head{server.port()}, fresh{server.port()};
  const auto pieces = Client::with_small_buffer(server.port());
  const auto stalled = Client::with_small_buffer(server.port());
  ASSERT_TRUE(reads.send(get("/read")));
  ASSERT_TRUE(pieces->send(get("/pieces")));
  ASSERT_TRUE(stalled->send(get("/events")));
  ASSERT_TRUE(half_a_head.send("GET /read HTTP/1.1\r\nHo"));
  ASSERT_TRUE(testing::comes_true([&] { return slow.begun == 3; }));
  server.stop();
  server.wait_until_done();  // long before the grace time is over
  const auto answer = reads.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503U);
  EXPECT_TRUE(answer->is_problem("ending"));
  EXPECT_TRUE(answer->headers.contains("retry-after"));
  EXPECT_FALSE(pieces->read_answer()) << "nobody takes a part for the whole";
}

TEST(Stop, WhoSendsSomethingHearsWhatBecameOfIt) {
  for (const bool is_upload : {true, false}) {
    Slow slow;
    auto options = RunningServer::quick_options();
    options.grace_time = 20s;
    options.answer_grace_time = 50ms;
    RunningServer server{slow.routes(), options};
    Client client{server.port()};
    ASSERT_TRUE(client.send(is_upload ? "POST /take HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\nbody"
                                      : "POST /change HTTP/1.1\r\nHost: h\r\n\r\n"));
    ASSERT_TRUE(testing::comes_true([&] { return slow.begun == 1; }));
    server.stop();
    std::this_thread::sleep_for(500ms);
    if (is_upload) {
      ASSERT_TRUE(client.send("body"));
      ASSERT_TRUE(testing::comes_true([&] { return slow.begun >= 2; }));
      std::this_thread::sleep_for(100ms);
    }
    slow.answer(202);
    const auto answer = client.read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 202U);
    EXPECT_TRUE(answer->closes());
    server.wait_until_done();
  }
}

TEST(Stop, CutsOffWhatOutlastsTheGraceTime) {
  std::atomic<int> abandoned = 0;
  std::latch begun{1};
  Respond kept;
  std::vector<Route> endless{
      {"POST", "/never", Deferred{[&](std::shared_ptr<const Request>, Respond respond) {
         kept = std::move(respond);
         begun.count_down();
       }},
       "never"},
      {"POST", "/take", Uploading{[&](std::shared_ptr<const Request>) -> std::expected<Upload, Response> {
         return Upload{.feed = [](std::string_view) { return true; },
                       .finish = [](const Respond&) {},
                       .abandon = [&] { ++abandoned; }};
       }},
       "take"}};
  auto options = RunningServer::quick_options();
  options.grace_time = 200ms;
  RunningServer server{std::move(endless), options};
  Client waiting{server.port()}, sending{server.port()};
  ASSERT_TRUE(waiting.send("POST /never HTTP/1.1\r\nHost: h\r\n\r\n"));
  ASSERT_TRUE(sending.send("POST /take HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nsome"));
  begun.wait();
  server.stop();
  server.wait_until_done();
  EXPECT_FALSE(waiting.read_answer());
  EXPECT_FALSE(sending.read_answer());
  EXPECT_EQ(abandoned, 1);
  kept(Response{});  // too late, and harmless
}

TEST(Stop, ServesWhoStandsInTheAcceptQueue) {
  // Connections that the kernel has accepted but the server has not, since it is not running yet when it is stopped.
  Server server{RunningServer::quick_options(), slow_routes(), {}};
  const auto port = server.listen();
  ASSERT_TRUE(port);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<Client>(*port));
    ASSERT_TRUE(clients.back()->send(get("/now")));
  }
  server.stop();
  std::thread thread{[&] { server.run(); }};
  for (const auto& client : clients) {
    const auto answer = client->read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body.size(), 2000U);
  }
  thread.join();
}

TEST(Stop, MayComeTwiceAndAtOnce) {
  RunningServer server{slow_routes()};
  server.stop();
  server.stop();
  server.wait_until_done();
}

}  // namespace
}  // namespace ratebook::http
