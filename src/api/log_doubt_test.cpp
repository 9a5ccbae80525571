// A node whose log is not its store's: it refuses batches at once, says why, and stays ready for reads.
#include "api/log_doubt.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <thread>

#include "api/service.hpp"
#include "api/testing.hpp"
#include "log/standing.hpp"

namespace ratebook::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view another_log_found = "the log's partition 0 is not the one that the store was written from";

/// Takes nothing, unless told to: what reaches it was let through.
class UnwrittenLog final : public log::Log {
 public:
  explicit UnwrittenLog(const Runtime& runtime) : known(runtime, 1) {}

  std::uint32_t partition_count() const override { return 1; }
  bool is_part_of_store() const override { return false; }
  log::Standing* standing() override { return &known; }
  Result<Offset> append(std::uint32_t, const log::RecordSource& records) override {
    if (!takes) return fail(Failure::full, "let through");
    while (true) {
      const auto record = records();
      if (!record || !*record) return 0;
    }
  }
  Result<std::vector<log::StoredRecord>> read(std::uint32_t, Offset, std::size_t, Duration) override {
    return std::vector<log::StoredRecord>{};
  }
  log::Assignment assignment() override { return {}; }
  Result<void> trim(std::uint32_t, Offset) override { return {}; }

  log::Standing known;
  std::atomic<bool> takes = false;
};

class LogDoubtTest : public ::testing::Test {
 protected:
  LogDoubtTest() {
    const PlacesDocument places{{{"china", "China", ""}},
                                {{"CNSGH", "Shanghai", "china"}, {"CNNGB", "Ningbo", "china"}}};
    book::Loader loader;
    visible.show({loader.finish(1, testing::chain_of(1), std::make_shared<const PlaceTree>(places)), {}}, 1, true);
    prove();
  }
  void prove() { log.known.proven(0, log.known.begin_look(0), -1); }
  void find_another() { log.known.is_other(0, std::string{another_log_found}, true); }

  http::Handler handler(std::string_view name) {
    const auto all = routes(service);
    return std::ranges::find(all, name, &http::Route::name)->handler;
  }
  http::Response ready() {
    http::Response response;
    std::get<http::Immediate>(handler("readyz"))(http::Request{}, response);
    return response;
  }
  /// A batch, until it is answered or has been let through to the log.
  http::Response post(std::string_view query, std::string_view body) { return send(query, body).get(); }
  std::future<http::Response> send(std::string_view query, std::string_view body) {
    auto request = std::make_shared<http::Request>();
    request->query_ = query;
    request->headers_ = {{"Content-Type", "application/json"}};
    auto upload = std::get<http::Uploading>(handler("post_batch"))(request);
    const auto answer = std::make_shared<std::promise<http::Response>>();
    auto answered = answer->get_future();
    if (!upload) {
      answer->set_value(upload.error());
      return answered;
    }
    static_cast<void>(upload->feed(body));
    // What goes on to the log is answered by a thread of its own.
    upload->finish([answer](http::Response response) { answer->set_value(std::move(response)); });
    return answered;
  }
  std::future<http::Response> retract(const Batch& committed) {
    store.put(committed);
    const auto id = std::make_shared<std::string>(committed.header.id);
    const auto request = std::make_shared<http::Request>();
    request->parameter_ = *id;
    const auto answer = std::make_shared<std::promise<http::Response>>();
    std::get<http::Deferred>(handler("retract_batch"))(
        request, [answer, id](http::Response response) { answer->set_value(std::move(response)); });
    return answer->get_future();
  }
  void wait_until_accepted() {
    while (service.outcomes.waiting().count == 0) std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  static std::string retry_after(const http::Response& response) {
    for (const auto& [name, value] : response.headers) {
      if (name == "Retry-After") return value;
    }
    return "";
  }

  const std::string batch = R"({"source":"carrier-a","prices":[)"
                            R"({"orig_code":"CNSGH","dest_code":"CNNGB","day":"2021-01-05","price":1}]})";
  testing::HandClock clock;
  testing::HeldStore store{clock.runtime};
  UnwrittenLog log{clock.runtime};
  follower::Visible visible;
  obs::Metrics metrics;
  Service service{{clock.runtime, log, store, visible, metrics}, {}, {.spool_folder = "."}};
};

TEST_F(LogDoubtTest, ABatchOfAnotherLogsSourceIsRefusedBeforeItsBody) {
  find_another();
  for (const auto* query : {"source=carrier-a", ""}) {
    const auto refused = post(query, batch);
    EXPECT_EQ(refused.status, 503U) << query;
    EXPECT_EQ(retry_after(refused), "1");
    EXPECT_THAT(refused.body, HasSubstr("/problems/not-accepted"));
    EXPECT_THAT(refused.body, HasSubstr(std::string{another_log_found}));
    EXPECT_THAT(refused.body, Not(HasSubstr("let through")));
  }
}

TEST_F(LogDoubtTest, WhatWasAcceptedIntoAnotherLogIsNotVouchedForOnceTheNodeKnows) {
  log.takes = true;
  auto batch_answer = send("", batch);
  wait_until_accepted();
  find_another();
  service.leave();  // ends the wait
  const auto unknown = batch_answer.get();
  EXPECT_EQ(unknown.status, 503U);
  EXPECT_THAT(unknown.body, HasSubstr("/problems/outcome-unknown"));
  EXPECT_THAT(unknown.body, HasSubstr(std::string{another_log_found}));
}

TEST_F(LogDoubtTest, NorIsARetraction) {
  log.takes = true;
  Batch committed;
  committed.header = testing::header_of(std::string(32, '1'));
  committed.status = BatchStatus::committed;
  committed.version = 1;
  auto retraction_answer = retract(committed);
  wait_until_accepted();
  find_another();
  prove();  // it was for a while
  service.leave();
  const auto unknown = retraction_answer.get();
  EXPECT_EQ(unknown.status, 503U);
  EXPECT_THAT(unknown.body, HasSubstr("/problems/outcome-unknown"));
}

TEST_F(LogDoubtTest, WhatTheStoresLogHasIsVouchedFor) {
  log.takes = true;
  auto answer = send("", batch);
  wait_until_accepted();
  service.leave();
  EXPECT_EQ(answer.get().status, 202U);
}

TEST_F(LogDoubtTest, ADryRunNeedsNoLog) {
  find_another();
  EXPECT_EQ(post("dry_run=true&source=carrier-a", batch).status, 200U);
}

TEST_F(LogDoubtTest, TheStoresLogIsGivenIt) {
  EXPECT_THAT(post("", batch).body, HasSubstr("let through"));
  find_another();
  prove();
  EXPECT_THAT(post("", batch).body, HasSubstr("let through")) << "when the right log is back";
}

TEST_F(LogDoubtTest, ReadyzStaysReadyAndSaysWhyNothingIsAccepted) {
  EXPECT_EQ(ready().body, R"({"status":"ready","accepting":true})");
  find_another();
  const auto response = ready();
  EXPECT_EQ(response.status, 200U) << "reads go on";
  EXPECT_EQ(response.body, R"({"status":"ready","accepting":false,"not_accepting_because":")" +
                               std::string{another_log_found} + R"("})");
  EXPECT_THAT(metrics.text(), HasSubstr("\nratebook_accepting 0\n"));
  prove();
  EXPECT_EQ(ready().body, R"({"status":"ready","accepting":true})");
  EXPECT_THAT(metrics.text(), HasSubstr("\nratebook_accepting 1\n"));
}

}  // namespace
}  // namespace ratebook::api
