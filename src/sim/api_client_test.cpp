#include "sim/api_client.hpp"

#include <gtest/gtest.h>

#include <string>

namespace ratebook::sim {
namespace {

using std::chrono::seconds;

http::Response text(std::string body) {
  http::Response response;
  response.body = std::move(body);
  response.headers.emplace_back("Ratebook-Version", "7");
  return response;
}

struct ApiClientTest : testing::Test {
  /// What a task of the process is answered.
  ApiAnswer answer_to(std::vector<http::Route> routes, ApiRequest request) {
    ApiClient client{scheduler, std::move(routes)};
    ApiAnswer answer;
    scheduler.spawn(process, [&] { answer = client.call(std::move(request)); });
    scheduler.run(seconds{100});
    EXPECT_EQ(client.open_count(), answer.status == 0 ? 1U : 0U);
    scheduler.unwind();
    return answer;
  }

  Trace trace{false};
  Scheduler scheduler{1, trace};
  ProcessPointer process = scheduler.make_process("one");
};

TEST_F(ApiClientTest, AHandlerSeesTheRequestAsItWasSent) {
  const auto answer = answer_to(
      {{"GET", "/v1/other", http::Immediate{}, "other"},
       {"GET", "/v1/batches/{id}", http::Immediate{[](const http::Request& request, http::Response& response) {
          response = text(std::string{request.parameter()} + " " + std::string{request.query()} + " " +
                          std::string{request.header("prefer").value_or("")});
        }},
        "one"}},
      {.method = "GET", .path = "/v1/batches/abc", .query = "at=1-2", .headers = {{"Prefer", "wait=3"}}});
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.body, "abc at=1-2 wait=3");
  EXPECT_EQ(answer.version(), 7U);
}

TEST_F(ApiClientTest, AnAnswerMayComeLaterAndFromAnotherTask) {
  const auto answer = answer_to({{"POST", "/later", http::Deferred{[this](const auto&, const http::Respond& respond) {
                                    scheduler.spawn(process, [this, respond] {
                                      scheduler.sleep(seconds{30});
                                      respond(text("first"));
                                      respond(text("second"));
                                    });
                                  }},
                                  "later"}},
                                {.method = "POST", .path = "/later"});
  EXPECT_EQ(answer.body, "first");
}

TEST_F(ApiClientTest, ABodyComesInPiecesAndWhole) {
  const auto received = std::make_shared<std::string>();
  const std::string body(1000, 'x');
  const auto answer =
      answer_to({{"POST", "/body", http::Uploading{[&](const auto&) {
                    return http::Upload{.feed =
                                            [&](std::string_view piece) {
                                              *received += piece;
                                              return true;
                                            },
                                        .finish = [&](const http::Respond& respond) { respond(text(*received)); },
                                        .abandon = [] {}};
                  }},
                  "body"}},
                {.method = "POST", .path = "/body", .body = body});
  EXPECT_EQ(answer.body, body);
}

TEST_F(ApiClientTest, WhatIsNeverAnsweredStaysOpen) {
  const auto answer = answer_to({{"GET", "/never", http::Deferred{[](const auto&, const auto&) {}}, "never"}},
                                {.method = "GET", .path = "/never"});
  EXPECT_EQ(answer.status, 0U);
}

TEST(ApiAnswers, NameTheirProblem) {
  EXPECT_EQ((ApiAnswer{503, {}, R"({"type":"/problems/not-ready","title":"x"})"}).problem(), "not-ready");
  EXPECT_EQ((ApiAnswer{503, {}, "no JSON"}).problem(), "");
}

}  // namespace
}  // namespace ratebook::sim
