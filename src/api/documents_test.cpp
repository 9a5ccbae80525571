#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "api/batch_json.hpp"
#include "api/openapi_document.hpp"
#include "api/places_document.hpp"
#include "api/post_batch.hpp"
#include "api/testing.hpp"
#include "model/places_json.hpp"

namespace ratebook::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

bool is_json(std::string_view text) {
  simdjson::dom::parser parser;
  return !parser.parse(text.data(), text.size()).error();
}

Batch committed() {
  Batch batch;
  batch.header = testing::header_of("8045687535adadda406079bed489e7a0");
  batch.status = BatchStatus::retracted;
  batch.committed_at = 2000;
  batch.version = 5;
  batch.retracted_version = 7;
  return batch;
}

TEST(BatchJson, ReadsAsTheContractHasIt) {
  std::string out;
  append_batch(out, committed());
  EXPECT_EQ(out, R"({"id":"8045687535adadda406079bed489e7a0","source":"carrier-a","idempotency_key":"k",)"
                 R"("status":"retracted","price_count":3,)"
                 R"("digest":"0000000000000000000000000000000000000000000000000000000000000000",)"
                 R"("accepted_at":"1970-01-01T00:00:01.000Z","committed_at":"1970-01-01T00:00:02.000Z",)"
                 R"("version":5,"retracted_version":7})");
}

TEST(BatchJson, WhatIsLaterThanTheVersionShownHasNotHappenedYet) {
  EXPECT_EQ(as_shown(committed(), 7).status, BatchStatus::retracted);
  const Batch before_retraction = as_shown(committed(), 6);
  EXPECT_EQ(before_retraction.status, BatchStatus::committed);
  EXPECT_EQ(before_retraction.version, 5U);
  EXPECT_EQ(before_retraction.retracted_version, 0U);
  const Batch before_commit = as_shown(committed(), 4);
  EXPECT_EQ(before_commit.status, BatchStatus::accepted);
  EXPECT_EQ(before_commit.version, 0U);
  EXPECT_EQ(before_commit.committed_at, 0);
  std::string out;
  append_batch(out, before_commit);
  EXPECT_THAT(out, HasSubstr(R"("status":"accepted")"));
  EXPECT_THAT(out, HasSubstr(R"("committed_at":null,"version":null,"retracted_version":null})"));
}

TEST(BatchJson, ARejectedOneSaysWhy) {
  Batch batch = accepted_batch(testing::header_of("8045687535adadda406079bed489e7a0"));
  batch.status = BatchStatus::rejected;
  batch.rejection = Rejection::key_conflict;
  std::string out;
  append_batch(out, batch);
  EXPECT_TRUE(is_json(out));
  EXPECT_THAT(out, HasSubstr(R"("problem":{"type":"/problems/key-conflict")"));
  EXPECT_EQ(rejection_problem(batch).kind.status, 409U);
  batch.rejection = Rejection::replaces_conflict;
  EXPECT_EQ(rejection_problem(batch).kind.type, "replaces-conflict");
}

TEST(Problems, AreJsonWhateverTheySay) {
  Problem problem{problems::invalid_batch, "a \"quote\", a \\ and \x01 and \xff", {}, 2};
  problem.errors = {{0, 2, "price", "not-positive", "é"}, {std::nullopt, std::nullopt, "", "empty", "\n"}};
  const auto response = problem_response(problem);
  EXPECT_EQ(response.status, 422U);
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_TRUE(is_json(response.body)) << response.body;
  EXPECT_THAT(response.body, HasSubstr(R"("errors":[{"index":0,"line":2,"field":"price","code":"not-positive")"));
  EXPECT_THAT(response.body, HasSubstr(R"({"index":null,"line":null,)"));
  EXPECT_THAT(response.body, HasSubstr(R"("error_count":2})"));
}

TEST(Problems, AskAgainLaterWhereThatMayHelp) {
  EXPECT_TRUE(problem_response({problems::no_places, "", {}, {}}).headers.empty());
  for (const auto& kind : {problems::not_ready, problems::too_much_waiting}) {
    EXPECT_THAT(problem_response({kind, "", {}, {}}).headers, ElementsAre(::testing::Pair("Retry-After", "1")));
  }
}

TEST(PlacesDocument, IsReadAsItIsWritten) {
  const PlacesDocument places{{{"china_main", "China Main", ""}, {"china_east", "\"East\"", "china_main"}},
                              {{"CNSGH", "Shanghai", "china_east", false}, {"CNOLD", "Ölð", "", true}}};
  const std::string out = places_json(places);
  EXPECT_THAT(out, HasSubstr(R"({"slug":"china_main","name":"China Main","parent_slug":null})"));
  EXPECT_THAT(out, HasSubstr(R"("parent_slug":null,"closed":true})"));
  EXPECT_EQ(read_places(out).value(), places);
}

std::vector<std::string> wrong(std::string_view json) {
  const auto read = read_places(json);
  if (read) return {};
  std::vector<std::string> codes;
  for (const auto& item : read.error().errors) codes.push_back(item.field + " " + item.code);
  return codes;
}

TEST(PlacesDocument, SaysEverythingThatIsWrong) {
  EXPECT_THAT(wrong(R"([])"), ElementsAre(" wrong-type"));
  EXPECT_THAT(wrong(R"({})"), ElementsAre("regions missing-field", "ports missing-field"));
  EXPECT_THAT(wrong(R"({"regions":[],"ports":{},"more":1})"), ElementsAre("more unknown-field", "ports wrong-type"));
  EXPECT_THAT(wrong(R"({"regions":[],"regions":[],"ports":[]})"), ElementsAre("regions repeated-field"));
  EXPECT_THAT(wrong(R"({"regions":[1,{"slug":2,"nam":"x"}],"ports":[]})"),
              ElementsAre("regions[0] wrong-type", "regions[1].nam unknown-field", "regions[1].slug wrong-type",
                          "regions[1].name missing-field"));
  EXPECT_THAT(wrong(R"({"regions":[],"ports":[{"code":"CNSGH","name":"S","parent_slug":"none","closed":0}]})"),
              ElementsAre("ports[0].closed wrong-type"));
  EXPECT_THAT(wrong(R"({"regions":[],"ports":[{"code":"CNSGH","name":"S","parent_slug":"none"}]})"),
              ElementsAre("ports[0].parent_slug unknown-parent"));
}

TEST(PlacesDocument, ListsTheFirstErrorsAndCountsAll) {
  std::string json = R"({"regions":[)";
  for (int i = 0; i < 300; ++i) json += i == 0 ? "1" : ",1";
  const auto read = read_places(json + R"(],"ports":[]})");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind.status, 422U);
  EXPECT_EQ(read.error().errors.size(), 100U);
  EXPECT_EQ(read.error().error_count, 300U);
}

TEST(PlacesDocument, WhatIsNoJsonIsMalformed) {
  for (const auto* text : {"", "{", R"({"regions":[],"ports":[]} x)", "{\"regions\":[],\"ports\":[],\"a\":\"\xff\"}"}) {
    const auto read = read_places(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().kind.status, 400U) << text;
  }
}

http::Request post(std::string_view query, std::vector<std::pair<std::string_view, std::string_view>> headers) {
  http::Request request;
  request.query_ = query;
  request.headers_ = std::move(headers);
  return request;
}

TEST(PostBatch, ReadsWhatIsAskedFor) {
  const auto posted = read_posted_batch(post(
      "source=carrier-a&dry_run=true&replaces=8045687535adadda406079bed489e7a0",
      {{"content-type", "Text/CSV; charset=utf-8"}, {"Content-Encoding", "identity"}, {"Idempotency-Key", "2021-01"}}));
  ASSERT_TRUE(posted);
  EXPECT_EQ(posted->body.format, intake::Format::csv);
  EXPECT_EQ(posted->source, "carrier-a");
  EXPECT_EQ(posted->replaces, "8045687535adadda406079bed489e7a0");
  EXPECT_EQ(posted->key, "2021-01");
  EXPECT_TRUE(posted->dry_run);
  EXPECT_TRUE(read_posted_batch(post("", {{"Content-Type", "application/json"}})));
}

TEST(PostBatch, RefusesBeforeTheBodyWhatCannotBecomeABatch) {
  const auto status = [](std::string_view query, std::vector<std::pair<std::string_view, std::string_view>> headers) {
    const auto posted = read_posted_batch(post(query, std::move(headers)));
    return posted ? 0U : posted.error().kind.status;
  };
  EXPECT_EQ(status("", {}), 415U);
  EXPECT_EQ(status("", {{"Content-Type", "text/plain"}}), 415U);
  EXPECT_EQ(status("", {{"Content-Type", "application/json"}, {"Content-Encoding", "br"}}), 415U);
  EXPECT_EQ(status("", {{"Content-Type", "text/csv"}}), 400U);
  EXPECT_EQ(status("source=Carrier", {{"Content-Type", "text/csv"}}), 400U);
  EXPECT_EQ(status("source=", {{"Content-Type", "application/json"}}), 400U);
  EXPECT_EQ(status("replaces=x", {{"Content-Type", "application/json"}}), 400U);
  EXPECT_EQ(status("dry_run=yes", {{"Content-Type", "application/json"}}), 400U);
  EXPECT_EQ(status("sauce=a", {{"Content-Type", "application/json"}}), 400U);
  EXPECT_EQ(status("", {{"Content-Type", "application/json"}, {"Idempotency-Key", ""}}), 400U);
  EXPECT_EQ(status("", {{"Content-Type", "application/json"}, {"Idempotency-Key", std::string(201, 'k')}}), 400U);
}

TEST(PostBatch, ARefusalKeepsEveryErrorOfIntake) {
  intake::Refused refused{
      intake::Refused::Kind::invalid, "2 things are wrong", {{4, 6, "price", "too-large", "write less"}}, 2};
  const auto problem = refusal_problem(refused);
  EXPECT_EQ(problem.kind.status, 422U);
  ASSERT_EQ(problem.errors.size(), 1U);
  EXPECT_EQ(problem.errors[0].index, 4U);
  EXPECT_EQ(problem.errors[0].code, "too-large");
  EXPECT_EQ(problem.error_count, 2U);
  const std::vector<std::pair<intake::Refused::Kind, unsigned>> statuses{{intake::Refused::Kind::malformed, 400},
                                                                         {intake::Refused::Kind::broken_coding, 400},
                                                                         {intake::Refused::Kind::digest_mismatch, 400},
                                                                         {intake::Refused::Kind::expands, 413},
                                                                         {intake::Refused::Kind::too_large, 413},
                                                                         {intake::Refused::Kind::no_memory, 503},
                                                                         {intake::Refused::Kind::spool, 503}};
  for (const auto& [kind, status] : statuses) {
    refused.kind = kind;
    EXPECT_EQ(refusal_problem(refused).kind.status, status);
  }
}

TEST(OpenApi, IsJsonAndNamesEveryPath) {
  const auto document = openapi_document();
  ASSERT_TRUE(is_json(document));
  for (const auto* path : {"/rates", "/v1/rates", "/v1/batches", "/v1/batches/{id}", "/v1/batches/{id}/retraction",
                           "/v1/places", "/v1/events", "/livez", "/readyz", "/metrics", "/openapi.json"}) {
    EXPECT_THAT(document, HasSubstr('"' + std::string{path} + "\": {")) << path;
  }
}

}  // namespace
}  // namespace ratebook::api
