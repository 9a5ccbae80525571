// Batches and retractions on their way into the log: what they are told, what counts against which bound, and what is
// left of those that came to nothing.
#include <gmock/gmock.h>

#include "api/access.hpp"
#include "api/test_server.hpp"

namespace ratebook::api {
namespace {

using testing::book_at;
using testing::Call;
using ::testing::HasSubstr;
using testing::header_of;
using testing::row_of;
using testing::until;

class SentTest : public testing::ServedTest {
 protected:
  Batch committed(const std::string& id, Version version) const {
    Batch batch;
    batch.header = header_of(id);
    batch.status = BatchStatus::committed;
    batch.version = version;
    return batch;
  }
};

TEST_F(SentTest, NoNumberOfUploadsAtOnceExceedsTheBoundOfWhatWaits) {
  limits.accepted_per_source_max = 4;
  start();
  log.appends.close();
  std::vector<Call> calls;
  for (int i = 0; i < 12; ++i) calls.push_back(post("carrier-a", "k" + std::to_string(i)));
  ASSERT_TRUE(log.appends.await_held(4));
  ASSERT_TRUE(until([&] { return service->uploads.count() == 4; })) << "the others are refused meanwhile";
  EXPECT_EQ(log.appends.held(), 4U);
  log.appends.open();
  const auto all = statuses(calls);
  EXPECT_EQ(std::ranges::count(all, 202U), 4);
  EXPECT_EQ(std::ranges::count(all, 429U), 8);
  EXPECT_EQ(service->outcomes.waiting("carrier-a").count, 4U);
  EXPECT_EQ(post("carrier-a", "more").answer().status, 429U);
  EXPECT_EQ(post("carrier-b", "more").answer().status, 202U);
}

TEST_F(SentTest, NorTheBoundOfAllSourcesTogether) {
  limits.accepted_max = 4;
  start();
  log.appends.close();
  std::vector<Call> calls;
  for (int i = 0; i < 12; ++i) calls.push_back(post("carrier-" + std::to_string(i), "k"));
  ASSERT_TRUE(until([&] { return log.appends.held() >= 4 && service->uploads.count() == 4; }));
  EXPECT_EQ(log.appends.held(), 4U);
  log.appends.open();
  EXPECT_EQ(std::ranges::count(statuses(calls), 202U), 4);
}

TEST_F(SentTest, AnUploadThatIsBrokenOffLeavesItsPlace) {
  start();
  {
    const Call broken_off{port,
                          "POST /v1/batches?source=carrier-a HTTP/1.1\r\nHost: localhost\r\n"
                          "Content-Type: text/csv\r\nContent-Length: 100\r\n\r\norig"};
    ASSERT_TRUE(until([&] { return service->uploads.count() == 1; }));
  }
  EXPECT_TRUE(until([&] { return service->uploads.count() == 0; }));
}

TEST_F(SentTest, WhoMayNoLongerSendForTheSourceOnceTheBodyIsThereIsRefused) {
  const auto allow = [&](const std::string& source) {
    set_tokens(access::format_grant({"sender", {access::Role::send}, {source}, sha256("sender"), {}}));
  };
  allow("carrier-a");
  start();
  const std::string body = "orig_code,dest_code,day,price\nCNSGH,NLRTM,2026-01-31,12.50\n";
  const Call call{port,
                  "POST /v1/batches?source=carrier-a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                  "Authorization: Bearer sender\r\nContent-Type: text/csv\r\nContent-Length: " +
                      std::to_string(body.size()) + "\r\n\r\n" + body.substr(0, 10)};
  ASSERT_TRUE(until([&] { return service->uploads.count() == 1; }));
  allow("carrier-b");
  call.go_on(body.substr(10));
  EXPECT_EQ(call.answer().status, 403U);
  EXPECT_EQ(log.appended, 0);
}

TEST_F(SentTest, OnlyWhoseAttemptBecameTheVersionIsToldThatItMadeOne) {
  start();
  const auto first = post("carrier-a", "k", 60);
  ASSERT_TRUE(until([&] { return service->outcomes.waiting().count == 1; }));
  const std::string id = id_of("carrier-a", "k");
  auto row = row_of(2, id);
  row.attempt = log.attempt_of(id);
  const auto second = post("carrier-a", "k", 60);
  ASSERT_TRUE(until([&] { return service->outcomes.watched_count() == 2 && log.appended == 2; }));
  store.held.put(committed(id, 2));
  visible.show({book_at(2), {row}}, 1, true);
  EXPECT_EQ(first.answer().status, 201U);
  EXPECT_EQ(second.answer().status, 200U) << "a repeat";
}

TEST_F(SentTest, AVersionThatIsShownNoMoreIsNotToldAsMade) {
  start();
  const auto call = post("carrier-a", "k", 60);
  ASSERT_TRUE(until([&] { return service->outcomes.waiting().count == 1; }));
  const std::string id = id_of("carrier-a", "k");
  auto row = row_of(5, id);
  row.attempt = log.attempt_of(id);
  visible.show({book_at(3), {row}}, 1, true);  // a restored store's history by the time that it is answered
  EXPECT_EQ(call.answer().status, 202U);
}

TEST_F(SentTest, ARetractionOfABatchThatAnotherNodeHasAcceptedIsNotCommitted) {
  start();
  auto header = header_of("");
  header.digest = sha256("prices");
  header.id = batch_id(header.source, header.key, header.digest);
  log.put(header);
  const std::string id = header.id;
  const auto partition = std::to_string(partition_of("carrier-a", 12));
  const std::string path = "/v1/batches/" + id + "/retraction";
  const auto answer = send("POST", path + "?at=" + partition + "-0").answer();
  EXPECT_EQ(answer.status, 409U);
  EXPECT_THAT(answer.text, HasSubstr("not-committed"));
  EXPECT_EQ(send("POST", path).answer().status, 404U);
  EXPECT_EQ(send("POST", path + "?at=" + partition + "-1").answer().status, 404U);
  EXPECT_EQ(send("POST", path + "?at=1").answer().status, 400U);
}

TEST_F(SentTest, ARetractionThatWaitsIsPutIntoTheLogOnce) {
  start();
  const std::string id(32, '1');
  store.held.put(committed(id, 1));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(send("POST", "/v1/batches/" + id + "/retraction", "Prefer: wait=0\r\n").answer().status, 202U);
  }
  EXPECT_EQ(log.appended, 1);
}

TEST(WhilePermitted, AnAnswerInPiecesEndsWithTheRightToIt) {
  bool may = true;
  const auto pieces = while_permitted([&] { return may; }, [] { return std::string{"a piece"}; });
  EXPECT_TRUE(pieces());
  may = false;
  const auto refused = pieces();
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error(), HasSubstr("revoked"));
}

TEST_F(SentTest, WhatWentFromTheLogToTheStoreMeanwhileIsFound) {
  start();
  const std::string id(32, '1');
  log.reads.close();
  const auto call = send("GET", "/v1/batches/" + id + "?at=3-0");
  ASSERT_TRUE(log.reads.await_held(1));
  store.held.put(committed(id, 1));
  log.reads.open();
  const auto answer = call.answer();
  EXPECT_EQ(answer.status, 200U);
  EXPECT_THAT(answer.text, HasSubstr("committed"));
}

}  // namespace
}  // namespace ratebook::api
