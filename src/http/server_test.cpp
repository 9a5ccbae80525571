// Requests and answers over real sockets: keeping, pipelining, limits, deadlines.
#include "http/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <mutex>

#include "http/test_client.hpp"

namespace ratebook::http {
namespace {

using namespace std::chrono_literals;
using testing::Client;
using testing::get;
using ::testing::HasSubstr;
using testing::RunningServer;

Immediate say(std::string text) {
  return [said = std::move(text)](const Request&, Response& response) {
    response.content_type = "text/plain";
    response.body = said;
  };
}

/// What the request was, for the client to compare.
void describe(const Request& request, Response& response) {
  response.content_type = "text/plain";
  response.body = std::string{request.method()} + "|" + std::string{request.path()} + "|" +
                  std::string{request.query()} + "|" + std::string{request.parameter()} + "|" +
                  std::string{request.header("x-test").value_or("-")};
}

std::vector<Route> routes() {
  return {
      {"GET", "/hello", say("hello"), "hello"},
      {"GET", "/empty", say(""), "empty"},
      {"GET", "/big", say(std::string(3'000'000, 'b')), "big"},
      {"GET", "/now/{what}", Immediate{describe}, "now"},
      {"POST", "/now/{what}", Immediate{describe}, "now"},
      {"GET", "/later/{what}", Deferred{[](std::shared_ptr<const Request> request, Respond respond) {
         std::thread{[request, respond] {
           Response response;
           describe(*request, response);
           respond(std::move(response));
           respond(Response{});  // does nothing
         }}.detach();
       }},
       "later"},
      {"GET", "/unchanged", Immediate{[](const Request&, Response& response) {
         response.status = 304;
         response.headers.emplace_back("ETag", "\"1\"");
       }},
       "unchanged"},
      {"GET", "/throws", Immediate{[](const Request&, Response&) { throw std::runtime_error{"secret"}; }}, "throws"},
      {"GET", "/throws/later",
       Deferred{[](std::shared_ptr<const Request>, Respond) { throw std::runtime_error{"secret"}; }}, "throws"},
      {"GET", "/forgets", Deferred{[](std::shared_ptr<const Request>, Respond) {}}, "forgets"}};
}

TEST(Server, AnswersAGet) {
  RunningServer server{routes()};
  Client client{server.port()};
  const auto answer = client.ask(get("/hello"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200U);
  EXPECT_EQ(answer->body, "hello");
  EXPECT_EQ(answer->headers.at("content-type"), "text/plain");
  EXPECT_EQ(answer->headers.at("content-length"), "5");
  EXPECT_EQ(answer->headers.at("x-request-id").size(), 16U);
  EXPECT_THAT(answer->headers.at("date"), ::testing::EndsWith(" GMT"));
  EXPECT_FALSE(answer->closes());
  EXPECT_EQ(client.ask(get("/empty"))->headers.at("content-length"), "0");
}

TEST(Server, KeepsTheConnectionAsTheClientWants) {
  RunningServer server{routes()};
  Client client{server.port()};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.ask(get("/hello"))->body, "hello");
  const auto last = client.ask("GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(last);
  EXPECT_TRUE(last->closes());
  EXPECT_TRUE(client.at_end());

  Client old{server.port()};
  EXPECT_EQ(old.ask("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")->headers.at("connection"), "keep-alive");
  EXPECT_TRUE(old.ask("GET /hello HTTP/1.0\r\n\r\n")->closes());
  EXPECT_TRUE(old.at_end());
}

TEST(Server, PassesRequestsOnWhole) {
  RunningServer server{routes()};
  Client client{server.port()};
  const std::string tail = "?a=%20b&c HTTP/1.1\r\nHost: h\r\nX-Test:  spaced out \r\n\r\n";
  EXPECT_EQ(client.ask("GET /now/x%2Fy" + tail)->body, "GET|/now/x%2Fy|a=%20b&c|x%2Fy|spaced out");
  EXPECT_EQ(client.ask("GET /later/z" + tail)->body, "GET|/later/z|a=%20b&c|z|spaced out");
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  RunningServer server{routes()};
  Client client{server.port()};
  std::string requests;
  for (int i = 0; i < 400; ++i) {
    const std::string number = std::to_string(i);
    requests += get((i % 7 == 0 ? "/later/" : "/now/") + number);
  }
  std::thread sender{[&] { EXPECT_TRUE(client.send(requests)); }};
  for (int i = 0; i < 400; ++i) {
    const auto answer = client.read_answer();
    ASSERT_TRUE(answer) << i;
    EXPECT_THAT(answer->body, HasSubstr("|" + std::to_string(i) + "|")) << i;
  }
  sender.join();
}

TEST(Server, ReadsARequestThatComesByteByByte) {
  RunningServer server{routes()};
  Client client{server.port()};
  for (const char c : "\r\n" + get("/now/slow") + get("/now/slower")) {
    ASSERT_TRUE(client.send({&c, 1}));
    std::this_thread::sleep_for(100us);
  }
  EXPECT_THAT(client.read_answer()->body, HasSubstr("|slow|"));
  EXPECT_THAT(client.read_answer()->body, HasSubstr("|slower|"));
}

TEST(Server, AnswersAClientThatHasFinishedSending) {
  RunningServer server{routes()};
  Client client{server.port()};
  ASSERT_TRUE(client.send(get("/later/a") + get("/now/b")));
  client.finish_sending();
  EXPECT_EQ(client.read_answer()->status, 200U);
  EXPECT_EQ(client.read_answer()->status, 200U);
  EXPECT_TRUE(client.at_end());
}

TEST(Server, AnswersBehindABigBodyOnTheSameConnection) {
  RunningServer server{routes()};
  Client client{server.port()};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.ask(get("/big"))->body.size(), 3'000'000U);
    EXPECT_EQ(client.ask(get("/hello"))->body, "hello");
  }
}

TEST(Server, SendsABigBodyWholeToASlowReader) {
  RunningServer server{routes()};
  const auto client = Client::with_small_buffer(server.port());
  ASSERT_TRUE(client->send(get("/big") + get("/hello") + get("/big")));
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(client->read_answer()->body, std::string(3'000'000, 'b'));
  EXPECT_EQ(client->read_answer()->body, "hello");
  EXPECT_EQ(client->read_answer()->body.size(), 3'000'000U);
}

TEST(Server, HeadHasTheLengthAndNoBody) {
  RunningServer server{routes()};
  Client client{server.port()};
  for (const std::string path : {"/hello", "/big", "/later/x"}) {
    ASSERT_TRUE(client.send("HEAD " + path + " HTTP/1.1\r\nHost: h\r\n\r\n"));
    const auto answer = client.read_answer(true);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200U);
    const auto full = client.ask(get(path));  // would be out of step, had HEAD brought a body
    ASSERT_TRUE(full);
    EXPECT_EQ(full->status, 200U);
    const std::size_t change = path == "/later/x" ? 1 : 0;  // the body says HEAD or GET
    EXPECT_EQ(std::stoul(answer->headers.at("content-length")), full->body.size() + change);
  }
}

TEST(Server, NotModifiedHasNoBodyAndNoLength) {
  RunningServer server{routes()};
  Client client{server.port()};
  const auto answer = client.ask(get("/unchanged"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 304U);
  EXPECT_FALSE(answer->headers.contains("content-length"));
  EXPECT_EQ(answer->headers.at("etag"), "\"1\"");
  EXPECT_EQ(client.ask(get("/hello"))->body, "hello");
}

TEST(Server, UnknownPathsAndMethodsAreProblems) {
  RunningServer server{routes()};
  Client client{server.port()};
  const auto missing = client.ask(get("/nowhere"));
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->status, 404U);
  EXPECT_TRUE(missing->is_problem("not-found"));
  const auto wrong = client.ask("DELETE /now/x HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(wrong);
  EXPECT_EQ(wrong->status, 405U);
  EXPECT_TRUE(wrong->is_problem("method-not-allowed"));
  EXPECT_EQ(wrong->headers.at("allow"), "GET, HEAD, POST");
  EXPECT_EQ(client.ask(get("/hello"))->status, 200U);  // neither closes
}

TEST(Server, KeepsASaneRequestIdAndReplacesAnyOther) {
  RunningServer server{routes()};
  Client client{server.port()};
  const auto id = [&](const std::string& sent) {
    return client.ask("GET /hello HTTP/1.1\r\nHost: h\r\nX-Request-Id: " + sent + "\r\n\r\n")
        ->headers.at("x-request-id");
  };
  EXPECT_EQ(id("from-me_1.2:3"), "from-me_1.2:3");
  EXPECT_EQ(id("").size(), 16U);
  EXPECT_EQ(id("a b").size(), 16U);
  EXPECT_EQ(id("<script>").size(), 16U);
  EXPECT_EQ(id(std::string(129, 'x')).size(), 16U);
  EXPECT_NE(id(""), id(""));
}

TEST(Server, AHandlerThatFailsIsA500WithoutItsSecrets) {
  std::mutex mutex;
  std::vector<std::string> errors;
  {
    RunningServer server{routes(), RunningServer::quick_options(), [&](const Answered& answered) {
                           const std::lock_guard lock{mutex};
                           errors.emplace_back(answered.error);
                         }};
    Client client{server.port()};
    for (const char* path : {"/throws", "/throws/later", "/forgets"}) {
      const auto answer = client.ask(get(path));
      ASSERT_TRUE(answer) << path;
      EXPECT_EQ(answer->status, 500U);
      EXPECT_TRUE(answer->is_problem("internal"));
      EXPECT_FALSE(answer->body.contains("secret"));
    }
    EXPECT_EQ(client.ask(get("/hello"))->status, 200U);
  }
  EXPECT_THAT(errors, ::testing::ElementsAre("secret", "secret", HasSubstr("without an answer"), ""));
}

TEST(Server, TellsOfEachAnswer) {
  std::mutex mutex;
  std::vector<std::string> told;
  {
    RunningServer server{routes(), RunningServer::quick_options(), [&](const Answered& answered) {
                           const std::lock_guard lock{mutex};
                           EXPECT_GE(answered.took, 0ns);
                           EXPECT_TRUE(answered.remote.starts_with("127.0.0.1:"));
                           EXPECT_FALSE(answered.request_id.empty());
                           told.push_back(std::string{answered.route} + " " + std::string{answered.method} + " " +
                                          std::string{answered.target} + " " + std::to_string(answered.status) + " " +
                                          std::to_string(answered.body_bytes));
                         }};
    Client client{server.port()};
    client.ask(get("/hello?a=b"));
    client.ask(get("/later/x?"));
    client.send("HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    client.read_answer(true);
    client.ask(get("/nowhere"));
    client.ask("nonsense\r\n\r\n");
  }
  ASSERT_EQ(told.size(), 5U);
  EXPECT_EQ(told[0], "hello GET /hello?a=b 200 5");
  EXPECT_EQ(told[1], "later GET /later/x 200 17");
  EXPECT_EQ(told[2], "hello HEAD /hello 200 0");
  EXPECT_THAT(told[3], ::testing::StartsWith(" GET /nowhere 404 "));
  EXPECT_THAT(told[4], ::testing::StartsWith("   400 "));
}

TEST(Server, RefusesWhatIsNotHttpAndCloses) {
  RunningServer server{routes()};
  for (const std::string bytes :
       {"garbage\r\n\r\n", "GET /hello HTTP/1.1\r\n\r\n",
        "POST /now/x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /now/x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"}) {
    Client client{server.port()};
    const auto answer = client.ask(bytes + get("/hello"));
    ASSERT_TRUE(answer) << bytes;
    EXPECT_EQ(answer->status, 400U);
    EXPECT_TRUE(answer->is_problem("bad-request"));
    EXPECT_TRUE(answer->closes());
    EXPECT_TRUE(client.at_end()) << "what follows must not be taken for a request: " << bytes;
  }
}

TEST(Server, LimitsHeads) {
  RunningServer server{routes()};
  const auto ask = [&](const std::string& bytes) {
    Client client{server.port()};
    auto answer = client.ask(bytes);
    EXPECT_TRUE(answer && answer->closes() && client.at_end());
    return answer ? answer->status : 0;
  };
  EXPECT_EQ(ask("GET /" + std::string(9'000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n"), 414U);
  EXPECT_EQ(ask("GET /" + std::string(100'000, 'a')), 414U);
  EXPECT_EQ(ask("GET / HTTP/1.1\r\nHost: h\r\nA: " + std::string(17'000, 'a') + "\r\n\r\n"), 431U);
  EXPECT_EQ(ask("GET / HTTP/1.1\r\nHost: h\r\nA: " + std::string(100'000, 'a')), 431U);
  Client client{server.port()};
  EXPECT_EQ(client.ask("GET /hello HTTP/1.1\r\nHost: h\r\nA: " + std::string(16'000, 'a') + "\r\n\r\n")->status, 200U);
}

TEST(Server, DropsABodyThatNoHandlerWants) {
  RunningServer server{routes()};
  Client client{server.port()};
  const std::string start = "POST /now/x HTTP/1.1\r\nHost: h\r\nX-Test: t\r\n";
  const std::string said = "POST|/now/x||x|t";
  EXPECT_EQ(client.ask(start + "Content-Length: 5\r\n\r\nhello")->body, said);
  EXPECT_EQ(client.ask(start + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")->body, said);
  EXPECT_EQ(client.ask(start + "Content-Length: 1000000\r\n\r\n" + std::string(1'000'000, 'x'))->body, said);
  EXPECT_EQ(client.ask(get("/hello"))->body, "hello");

  // A body in front of a request for nothing must not be read as a request.
  const auto missing = client.ask("POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 30\r\n\r\n" + get("/hello"));
  EXPECT_EQ(missing->status, 404U);
  EXPECT_TRUE(missing->closes());
  EXPECT_TRUE(client.at_end());

  Client other{server.port()};
  const auto refused = other.ask(start + "Content-Length: 2000000\r\n\r\n");
  EXPECT_EQ(refused->status, 413U);
  EXPECT_TRUE(refused->closes());
}

TEST(Server, PipelinedRequestsWithDroppedBodiesNeedNoStack) {
  RunningServer server{routes()};
  Client client{server.port()};
  constexpr int count = 20'000;
  std::thread sender{[&] {
    std::string requests;
    for (int i = 0; i < count; ++i) {
      requests += "POST /now/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
    }
    EXPECT_TRUE(client.send(requests));
  }};
  for (int i = 0; i < count; ++i) ASSERT_TRUE(client.read_answer()) << i;
  sender.join();
}

TEST(Server, ASlowHeadGets408) {
  auto options = RunningServer::quick_options();
  options.header_timeout = 100ms;
  RunningServer server{routes(), options};
  Client client{server.port()};
  EXPECT_EQ(client.ask(get("/hello"))->status, 200U);
  std::atomic<bool> done = false;
  std::thread sender{[&] {  // bytes that go on coming do not help
    for (const char c : std::string_view{"GET /hello HTTP/1.1\r\nHost: abcdefghijklmnopqrstuvwxyz"}) {
      if (done || !client.send({&c, 1})) break;
      std::this_thread::sleep_for(20ms);
    }
  }};
  const auto answer = client.read_answer();
  done = true;
  sender.join();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 408U);
  EXPECT_TRUE(answer->is_problem("timeout"));
  EXPECT_TRUE(answer->closes());
}

TEST(Server, ANewConnectionThatSaysNothingIsClosedInOrder) {
  auto options = RunningServer::quick_options();
  options.first_byte_timeout = 100ms;
  RunningServer server{routes(), options};
  Client used{server.port()};
  EXPECT_EQ(used.ask(get("/hello"))->status, 200U);
  Client silent{server.port()};
  EXPECT_TRUE(silent.at_end());
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(used.ask(get("/hello"))->status, 200U);  // it has had its first byte
}

TEST(Server, AnAnswerThatIsReadSlowlyButSteadilyIsCut) {
  constexpr std::size_t body_bytes = 24'000'000;  // far more than the kernel keeps for a connection
  auto options = RunningServer::quick_options();
  options.request_timeout = 200ms;
  RunningServer server{{{"GET", "/huge", say(std::string(body_bytes, 'b')), "huge"}}, options};
  const auto client = Client::with_small_buffer(server.port());
  ASSERT_TRUE(client->send(get("/huge")));
  const std::string piece(40'000, 'b');
  std::size_t bytes = 0;
  while (bytes < body_bytes && client->read_until(piece)) {
    bytes += piece.size();
    std::this_thread::sleep_for(2ms);
  }
  EXPECT_GT(bytes, 0U);
  EXPECT_LT(bytes, body_bytes);
}

TEST(Server, AnIdleConnectionIsClosedInOrder) {
  auto options = RunningServer::quick_options();
  options.idle_timeout = options.first_byte_timeout = 100ms;
  RunningServer server{routes(), options};
  Client fresh{server.port()};
  Client used{server.port()};
  EXPECT_EQ(used.ask(get("/hello"))->status, 200U);
  EXPECT_TRUE(fresh.at_end());
  EXPECT_TRUE(used.at_end());
}

TEST(Server, AClientThatDoesNotReadIsCutOff) {
  auto options = RunningServer::quick_options();
  options.write_timeout = 100ms;
  RunningServer server{routes(), options};
  const auto client = Client::with_small_buffer(server.port());
  std::string requests;
  for (int i = 0; i < 10; ++i) requests += get("/big");
  ASSERT_TRUE(client->send(requests));
  std::this_thread::sleep_for(1s);
  int answers = 0;
  while (client->read_answer()) ++answers;
  EXPECT_LT(answers, 10);
}

TEST(Server, ConnectionsOverTheLimitAreToldSo) {
  auto options = RunningServer::quick_options();
  options.connections_max = 3;
  RunningServer server{routes(), options};
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<Client>(server.port()));
    EXPECT_EQ(clients.back()->ask(get("/hello"))->status, 200U);
  }
  {
    Client one_more{server.port()};
    const auto answer = one_more.ask(get("/hello"));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 503U);
    EXPECT_TRUE(answer->is_problem("too-many-connections"));
    EXPECT_EQ(answer->headers.at("retry-after"), "1");
    EXPECT_TRUE(answer->closes());
    EXPECT_TRUE(one_more.at_end());
  }
  EXPECT_EQ(clients[0]->ask(get("/hello"))->status, 200U);
  clients.pop_back();
  unsigned status = 503;  // until the server has seen both of them go
  for (int i = 0; i < 200 && status == 503; ++i) {
    std::this_thread::sleep_for(10ms);
    status = Client{server.port()}.ask(get("/hello"))->status;
  }
  EXPECT_EQ(status, 200U);
}

TEST(Server, AFullQueueIs503WithRetryAfterAndHarmsNobody) {
  auto options = RunningServer::quick_options();
  options.workers = 1;
  options.work_queue_max = 1;
  std::latch begun{1}, go_on{1};
  std::atomic<bool> first = true;
  auto all = routes();
  all.push_back({"GET", "/blocks", Deferred{[&](std::shared_ptr<const Request>, Respond respond) {
                   if (first.exchange(false)) begun.count_down();
                   go_on.wait();
                   respond(Response{.status = 200, .content_type = {}, .headers = {}, .body = {}});
                 }},
                 "blocks"});
  RunningServer server{std::move(all), options};
  Client running{server.port()}, queued{server.port()}, refused{server.port()};
  ASSERT_TRUE(running.send(get("/blocks")));
  begun.wait();
  ASSERT_TRUE(queued.send(get("/blocks")));
  std::optional<testing::Answer> answer;
  for (int i = 0; i < 500 && !answer; ++i) {  // until the second one stands in the queue
    std::this_thread::sleep_for(10ms);
    Client probe{server.port()};
    ASSERT_TRUE(probe.send(get("/blocks")));
    probe.finish_sending();
    answer = probe.read_answer();
  }
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503U);
  EXPECT_EQ(answer->headers.at("retry-after"), "1");
  EXPECT_TRUE(answer->is_problem("overloaded"));
  EXPECT_FALSE(answer->closes());
  EXPECT_EQ(refused.ask(get("/hello"))->status, 200U);
  go_on.count_down();
  EXPECT_EQ(running.read_answer()->status, 200U);
  EXPECT_EQ(queued.read_answer()->status, 200U);
}

TEST(Server, WhatWaitsForOneThingKeepsNoWorkerFromTheOthers) {
  auto options = RunningServer::quick_options();
  options.workers = 1;
  std::latch begun{1}, go_on{1};
  const auto ok = [](std::shared_ptr<const Request>, const Respond& respond) {
    respond(Response{.status = 200, .content_type = {}, .headers = {}, .body = {}});
  };
  std::vector<Route> all;
  all.push_back({"POST", "/waits", Deferred{[&](std::shared_ptr<const Request> request, const Respond& respond) {
                   begun.count_down();
                   go_on.wait();
                   ok(std::move(request), respond);
                 }},
                 "waits", nullptr, Lane::upload});
  all.push_back({"GET", "/stored", Deferred{ok}, "stored", nullptr, Lane::store});
  all.push_back({"GET", "/computed", Deferred{ok}, "computed", nullptr, Lane::memory});
  RunningServer server{std::move(all), options};
  Client waiting{server.port()}, other{server.port()};
  ASSERT_TRUE(waiting.send("POST /waits HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"));
  begun.wait();
  EXPECT_EQ(other.ask(get("/computed"))->status, 200U);
  EXPECT_EQ(other.ask(get("/stored"))->status, 200U);
  go_on.count_down();
  EXPECT_EQ(waiting.read_answer()->status, 200U);
}

TEST(Server, AHandlerThatChoosesIsAskedOnceAndAnswersHereOrThere) {
  std::atomic<int> asked = 0;
  const Choosing choosing{.at_once =
                              [&](const Request& request, Response& response) {
                                ++asked;
                                if (request.query() != "quick") return false;
                                say("at once")(request, response);
                                return true;
                              },
                          .later =
                              [](const std::shared_ptr<const Request>& request, const Respond& respond) {
                                Response response;
                                say("later")(*request, response);
                                respond(std::move(response));
                              }};
  RunningServer server{{{"GET", "/either", choosing, "either"}}};
  Client client{server.port()};
  EXPECT_EQ(client.ask(get("/either?quick"))->body, "at once");
  EXPECT_EQ(client.ask(get("/either?slow"))->body, "later");
  EXPECT_EQ(asked, 2);
  const std::string body = " HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody";
  EXPECT_EQ(client.ask("GET /either?quick" + body)->body, "at once");
  EXPECT_EQ(client.ask("GET /either?slow" + body)->body, "later");
  EXPECT_EQ(asked, 4);
}

TEST(Server, ATakenPortIsSaidInWords) {
  RunningServer server{routes()};
  auto options = RunningServer::quick_options();
  options.port = server.port();
  Server second{options, routes(), {}};
  const auto listening = second.listen();
  ASSERT_FALSE(listening);
  EXPECT_THAT(listening.error(), HasSubstr("127.0.0.1:" + std::to_string(server.port())));
  EXPECT_THAT(listening.error(), HasSubstr("another program"));
  options.address = "nonsense";
  EXPECT_THAT(Server(options, routes(), {}).listen().error(), HasSubstr("nonsense"));
}

}  // namespace
}  // namespace ratebook::http
