// Whoever waits for the log, the store or a version, beside others that stay silent: who needs only the other one, or
// neither, is answered meanwhile.
#include <gmock/gmock.h>

#include "api/test_server.hpp"

namespace ratebook::api {
namespace {

using testing::book_at;
using testing::Call;
using testing::chain_of;
using ::testing::Each;
using ::testing::HasSubstr;
using testing::header_of;
using testing::row_of;
using testing::until;
using namespace std::chrono_literals;

class WaitsTest : public testing::ServedTest {};

const std::string some_id(32, '7');

TEST_F(WaitsTest, ASilentLogDelaysNeitherListsNorPlacesNorAnswersFromTheStore) {
  start();
  Batch stored;
  stored.header = header_of(std::string(32, '1'));
  stored.status = BatchStatus::committed;
  stored.version = 1;
  store.held.put(stored);
  log.reads.close();
  std::vector<Call> held;
  for (int i = 0; i < 100; ++i)
    held.push_back(send("GET", "/v1/batches/" + some_id + "?at=" + std::to_string(i % 12) + "-0"));
  ASSERT_TRUE(log.reads.await_held(1));
  EXPECT_EQ(send("GET", "/v1/batches").answer().status, 200U);
  EXPECT_EQ(send("GET", "/v1/places").answer().status, 200U);
  EXPECT_EQ(send("PUT", "/v1/places", "Content-Type: application/json\r\nIf-Match: *\r\n",
                 R"({"regions":[{"slug":"a","name":"A"}],"ports":[]})")
                .answer()
                .status,
            200U);
  const auto known = send("GET", "/v1/batches/" + stored.header.id + "?at=3-7").answer();
  EXPECT_EQ(known.status, 200U);
  EXPECT_THAT(known.text, HasSubstr("committed"));
  EXPECT_EQ(send("POST", "/v1/batches/" + stored.header.id + "/retraction", "Prefer: wait=0\r\n").answer().status,
            202U);
  log.reads.open();
  for (const unsigned status : statuses(held)) EXPECT_TRUE(status == 404 || status == 503) << status;
}

TEST_F(WaitsTest, WhatThisNodeRemembersNeedsNeitherStoreNorLog) {
  start();
  ASSERT_EQ(post("carrier-a", "k").answer().status, 202U);
  const std::string id = id_of("carrier-a", "k");
  store.questions.close();
  log.reads.close();
  std::vector<Call> held;
  for (int i = 0; i < 100; ++i) held.push_back(send("GET", "/v1/batches/" + some_id));
  ASSERT_TRUE(store.questions.await_held(1));
  const auto known = send("GET", "/v1/batches/" + id).answer();
  EXPECT_EQ(known.status, 200U);
  EXPECT_THAT(known.text, HasSubstr("accepted"));
  // What the version that is shown may have decided is asked of the store: here the step has not been told of yet.
  EXPECT_FALSE(service->outcomes.accepted_beyond(id, 2));
}

TEST_F(WaitsTest, APlaceOfOtherSourcesIsNotLookedUp) {
  const auto line = [](const std::string& name, access::Role role, const std::vector<std::string>& sources) {
    return access::format_grant({name, {role}, sources, sha256(name), {}});
  };
  set_tokens(line("sender", access::Role::send, {"carrier-a"}) + line("reader", access::Role::read, {}));
  start();
  log.reads.close();
  const auto ask = [&](const std::string& token, const std::string& at) {
    return send("GET", "/v1/batches/" + some_id + "?at=" + at, "Authorization: Bearer " + token + "\r\n");
  };
  const std::uint32_t own = partition_of("carrier-a", 12);
  EXPECT_EQ(ask("nobody", "0-0").answer().status, 401U);
  EXPECT_EQ(ask("reader", "x").answer().status, 400U);
  EXPECT_EQ(ask("sender", std::to_string((own + 1) % 12) + "-0").answer().status, 403U);
  EXPECT_EQ(log.reads.held(), 0U);
  const auto by_sender = ask("sender", std::to_string(own) + "-0");
  const auto by_reader = ask("reader", std::to_string((own + 1) % 12) + "-0");
  EXPECT_TRUE(log.reads.await_held(2));
  log.reads.open();
  EXPECT_EQ(by_sender.answer().status, 404U);
  EXPECT_EQ(by_reader.answer().status, 404U);
}

TEST_F(WaitsTest, WhoLeavesGivesItsPartitionsToOthersFirst) {
  start();
  EXPECT_FALSE(log.has_left);
  service->leave();
  EXPECT_TRUE(log.has_left);
}

TEST_F(WaitsTest, EveryPostToASilentLogIsAnsweredAsTheFirstIs) {
  start();
  log.is_silent = true;
  log.appends.close();
  log.abandons.close();
  std::vector<Call> calls;
  // A source has as many places as are free beside its own (rule 22): the last ones are for others.
  for (int i = 0; i < 256; ++i) calls.push_back(post("carrier-" + std::to_string(i), "k" + std::to_string(i)));
  EXPECT_TRUE(log.appends.await_held(256)) << log.appends.held() << " wait for the log, and others for them";
  log.appends.open();
  // The log goes on to take no abandon records; answers do not wait for it.
  for (const Call& call : calls) {
    const auto answer = call.answer();
    EXPECT_EQ(answer.status, 503U);
    EXPECT_THAT(answer.text, HasSubstr("outcome-unknown"));
    EXPECT_THAT(answer.text, HasSubstr("Retry-After"));
  }
  EXPECT_EQ(service->uploads.count(), 0U);
  EXPECT_EQ(service->outcomes.watched_count(), 0U);
  EXPECT_GE(service->abandons.queued(), 255U);
}

TEST_F(WaitsTest, ASilentStoreDelaysNoPostToALogThatAnswers) {
  start();
  store.questions.close();
  std::vector<Call> calls;
  for (int i = 0; i < 100; ++i) calls.push_back(post("carrier-" + std::to_string(i % 10), "k" + std::to_string(i)));
  EXPECT_THAT(statuses(calls), Each(202U));
  EXPECT_EQ(log.appended, 100);
}

TEST_F(WaitsTest, ASilentStoreDelaysNoAnswerThatNeedsNoStore) {
  start();
  std::vector<VersionRow> rows;
  std::vector<Call> repeats;
  for (int i = 0; i < 40; ++i) {
    Batch repeat;
    repeat.header = header_of(id_of("carrier-a", "r" + std::to_string(i)));
    repeat.status = BatchStatus::committed;
    repeat.version = 2;
    store.held.put(repeat);
    rows.push_back(row_of(2, repeat.header.id));
    repeats.push_back(post("carrier-a", "r" + std::to_string(i), 60));
  }
  const auto fresh = post("carrier-b", "fresh", 60);
  const std::string fresh_id = id_of("carrier-b", "fresh");
  ASSERT_TRUE(until([&] { return service->outcomes.watched_count() == 41; }));
  store.questions.close();
  visible.show({book_at(2), rows}, 1, true);
  ASSERT_TRUE(store.questions.await_held(1));
  const auto version = send("GET", "/v1/rates?origin=CNSGH&destination=NLRTM&date_from=2026-01-01&date_to=2026-01-02",
                            "Ratebook-Min-Version: 3\r\n");
  ASSERT_TRUE(until([&] { return service->outcomes.watched_count() == 2; }));
  auto row = row_of(3, fresh_id);
  row.attempt = log.attempt_of(fresh_id);
  visible.show({book_at(3), {row}}, 1, true);
  EXPECT_EQ(fresh.answer().status, 201U);
  EXPECT_EQ(version.answer().status, 200U);
  store.questions.open();
  EXPECT_THAT(statuses(repeats), Each(200U));
}

TEST_F(WaitsTest, AnAnswerAfterASecondWaitIsOfTheVersionThatWasDemanded) {
  limits.min_version_wait = 500ms;
  start();
  visible.show({book_at(5), {}}, 1, true);
  const auto call =
      send("GET", "/v1/rates?origin=CNSGH&destination=NLRTM&date_from=2026-01-01&date_to=2026-01-02&version=9",
           "Ratebook-Min-Version: 5\r\n");
  ASSERT_TRUE(until([&] { return service->outcomes.watched_count() == 1; }));
  store.head_is = {3, chain_of(3)};
  visible.show({book_at(3), {}}, 1, true);  // a store that was restored
  const auto answer = call.answer();
  EXPECT_EQ(answer.status, 503U);
  EXPECT_THAT(answer.text, HasSubstr("version-not-visible"));
}

TEST_F(WaitsTest, APastVersionIsOfTheHistoryThatIsShown) {
  start();
  store.held.put(row_of(2, some_id));
  auto other = row_of(5, some_id);
  other.chain = chain_of(77);
  store.held.put(other);
  visible.show({book_at(5), {}}, 1, true);
  const auto answer =
      send("GET", "/v1/prices?version=2").answer();  // of which no price has to be read before its head is sent
  EXPECT_EQ(answer.status, 503U);
}

}  // namespace
}  // namespace ratebook::api
