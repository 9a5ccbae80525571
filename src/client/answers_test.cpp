#include "client/answers.hpp"

#include <gtest/gtest.h>

#include "model/places_json.hpp"

namespace ratebook::client {
namespace {

TEST(BatchAnswer, reads_all_fields) {
  const auto batch = parse_batch(R"({"id":"0123","source":"carrier-a","idempotency_key":"k","status":"retracted",
    "price_count":18446744073709551615,"digest":"ab","accepted_at":"2026-11-23T08:44:53.120Z",
    "committed_at":"2026-11-23T08:44:53.220Z","version":7,"retracted_version":9,"a_new_field":[1,{}]})");
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_EQ(batch->id, "0123");
  EXPECT_EQ(batch->source, "carrier-a");
  EXPECT_EQ(batch->key, "k");
  EXPECT_EQ(batch->status, "retracted");
  EXPECT_EQ(batch->price_count, 18446744073709551615u);
  EXPECT_EQ(batch->digest, "ab");
  EXPECT_EQ(batch->accepted_at, "2026-11-23T08:44:53.120Z");
  EXPECT_EQ(batch->committed_at, "2026-11-23T08:44:53.220Z");
  EXPECT_EQ(batch->version, 7u);
  EXPECT_EQ(batch->retracted_version, 9u);
  EXPECT_EQ(batch->problem, "");
}

TEST(BatchAnswer, null_is_nothing) {
  const auto batch = parse_batch(R"({"id":"0123","status":"accepted","committed_at":null,"version":null})");
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->committed_at, "");
  EXPECT_EQ(batch->version, std::nullopt);
}

TEST(BatchAnswer, a_problem_is_an_object_or_a_word) {
  EXPECT_EQ(parse_batch(R"({"id":"0","problem":"key-conflict"})")->problem, "key-conflict");
  EXPECT_EQ(parse_batch(R"({"id":"0","problem":{"title":"Conflict","detail":"another batch"}})")->problem,
            "Conflict: another batch");
}

TEST(BatchAnswer, what_is_no_batch_is_damaged) {
  for (const auto* json : {"", "[]", "{}", "{\"id\":", "<html>", R"({"id":7})"}) {
    const auto batch = parse_batch(json);
    ASSERT_FALSE(batch) << json;
    EXPECT_EQ(batch.error().failure, Failure::damaged);
  }
}

TEST(BatchList, reads_batches_and_cursor) {
  const auto list = parse_batches(R"({"batches":[{"id":"a"},{"id":"b"}],"next_cursor":"c"})");
  ASSERT_TRUE(list);
  ASSERT_EQ(list->batches.size(), 2u);
  EXPECT_EQ(list->batches[1].id, "b");
  EXPECT_EQ(list->next_cursor, "c");
  EXPECT_EQ(parse_batches(R"({"batches":[],"next_cursor":null})")->next_cursor, "");
  EXPECT_FALSE(parse_batches(R"({"batches":{}})"));
}

TEST(RatesAnswer, keeps_the_order_of_the_statistics) {
  const auto rates = parse_rates(R"({"version":3,"origin":"CNSGH","destination":"NLRTM","currency":"USD","rates":[
    {"day":"2021-01-01","count":3,"p50":10,"avg":10.5},{"day":"2021-01-02","count":1,"avg":null,"p50":null}]})");
  ASSERT_TRUE(rates) << rates.error().message;
  EXPECT_EQ(rates->version, 3u);
  EXPECT_EQ(rates->statistics, (std::vector<std::string>{"count", "p50", "avg"}));
  ASSERT_EQ(rates->days.size(), 2u);
  EXPECT_EQ(rates->days[0].values, (std::vector<Value>{3.0, 10.0, 10.5}));
  EXPECT_EQ(rates->days[1].values, (std::vector<Value>{1.0, std::nullopt, std::nullopt}));
}

TEST(ProblemAnswer, reads_what_is_wrong_where) {
  const auto problem = parse_problem(
      R"({"type":"/problems/invalid-batch","title":"The batch is wrong","status":422,"detail":"2 prices are wrong",
          "errors":[{"index":0,"line":2,"field":"price","code":"too-many-decimals","message":"write at most two"},
                    {"message":"no header"}],"error_count":120})",
      422);
  EXPECT_EQ(problem.title, "The batch is wrong");
  EXPECT_EQ(problem.detail, "2 prices are wrong");
  EXPECT_EQ(problem.error_count, 120u);
  ASSERT_EQ(problem.errors.size(), 2u);
  EXPECT_EQ(problem.errors[0].index, 0u);
  EXPECT_EQ(problem.errors[0].line, 2u);
  EXPECT_EQ(problem.errors[0].field, "price");
  EXPECT_EQ(problem.errors[0].code, "too-many-decimals");
  EXPECT_EQ(problem.errors[1].index, std::nullopt);
}

TEST(ProblemAnswer, something_else_still_says_the_status) {
  EXPECT_EQ(parse_problem("<html>bad gateway</html>", 502).title, "the server answered 502");
  EXPECT_EQ(parse_problem("", 502).error_count, 0u);
}

TEST(PlacesAnswer, what_is_written_is_read_back) {
  const PlacesDocument places{
      .regions = {{"asia", "Asia", ""}, {"china_main", "China \"Main\"\\", "asia"}},
      .ports = {{"CNSGH", "Shanghai\t上海", "china_main", false}, {"CNCWN", "Chiwan", "", true}}};
  const auto read = parse_places(places_json(places));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, places);
  EXPECT_EQ(parse_places(places_json({})).value(), PlacesDocument{});
}

}  // namespace
}  // namespace ratebook::client
