// NDJSON: each line is as strict as JSON, and costs no other one.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "intake/testing.hpp"

namespace ratebook::intake::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string good = R"({"orig_code":"CNSGH","dest_code":"NLRTM","day":"2021-01-31","price":1154.5})";

std::vector<std::string> wrong_ndjson(std::string_view ndjson) { return testing::wrong(decode_ndjson(ndjson)); }

std::string message_of(std::string_view line) {
  const auto result = decode_ndjson(line);
  return result || result.error().errors.empty() ? "none" : result.error().errors[0].message;
}

TEST(Ndjson, ALineAPriceInAnyDialect) {
  const auto digest = decode_json("{\"prices\":[" + good + "," + good + "]}")->digest;
  for (const std::string& body : {
           good + "\n" + good + "\n",
           good + "\n" + good,
           good + "\r\n" + good + "\r\n",
           "\xEF\xBB\xBF\n \t\r\n" + good + "\n\n\n  " + good + "  \n \n",
           good + "\n" + R"({ "price":"1154.50" ,"d\u0061y":"2021-01-31","dest_code":"NLRTM","orig_code":"CNSGH" })",
       }) {
    const auto result = decode_ndjson(body);
    ASSERT_TRUE(result) << text_of(result);
    EXPECT_EQ(result->price_count, 2U);
    EXPECT_EQ(result->digest, digest) << body;
  }
}

TEST(Ndjson, ValuesAreCheckedAsInJson) {
  EXPECT_THAT(wrong_ndjson(R"({"orig_code":"CNXXX","dest_code":5,"day":"2021-02-29","price":1e3})"),
              ElementsAre("0:1 orig_code unknown-port", "0:1 dest_code wrong-type", "0:1 day no-such-day",
                          "0:1 price exponent"));
  EXPECT_THAT(wrong_ndjson(good + "\n\n{}\n" +
                           R"({"orig_code":"CNSGH","dest_code":"NLRTM","day":"2021-01-31","price":1,"x":1})"),
              ElementsAre("1:3 orig_code missing", "1:3 dest_code missing", "1:3 day missing", "1:3 price missing",
                          "2:4 x unknown-field"));
}

TEST(Ndjson, ABrokenLineCostsItselfOnly) {
  const std::string nul("\0", 1);
  for (const std::string& broken :
       {std::string{"5"}, std::string{"[]"}, std::string{"null"}, std::string{"\"x\""}, std::string{"{"},
        std::string{"}"}, std::string{"{\"a\":\"b"}, std::string{"{\"a\":[1,"}, good + ",", good + good, good + " x",
        good + nul, nul, good.substr(0, good.size() - 1), std::string{"{a:1}"}, std::string{"{\"a\":01}"},
        "\r" + good + "\r" + good, "\xEF\xBB\xBF" + good}) {
    EXPECT_THAT(wrong_ndjson(good + "\n" + broken + "\n" + good + "\n{}\n"),
                ElementsAre("1:2 - bad-line", "3:4 orig_code missing", "3:4 dest_code missing", "3:4 day missing",
                            "3:4 price missing"))
        << broken;
    EXPECT_THAT(wrong_ndjson(good + "\n" + broken), ElementsAre("1:2 - bad-line")) << broken;
  }
}

TEST(Ndjson, AnObjectOverSeveralLinesIsOneErrorALine) {
  EXPECT_THAT(wrong_ndjson("{\n\"price\":1\n}\n"), ElementsAre("0:1 - bad-line", "1:2 - bad-line", "2:3 - bad-line"));
}

TEST(Ndjson, MessagesSayWhereAndHow) {
  EXPECT_EQ(message_of("{\"day\" 5}"), "column 8: '5' stands where ':' should; write one price object a line");
  EXPECT_EQ(message_of("{\"day\":"),
            "the line ends where a value should follow; write each price object on one line, "
            "whole");
  EXPECT_EQ(message_of(" [1]"), "column 2: '[' stands where '{' should; write one price object a line");
  EXPECT_EQ(message_of("{} {}"),
            "column 4: '{' stands where the end of the line should; write one price object a "
            "line");
}

TEST(Ndjson, ALineTooLongCostsItselfOnly) {
  const std::string most = good + std::string(64 * 1024 - good.size(), ' ');
  EXPECT_THAT(wrong_ndjson(most + "\n" + good), ElementsAre("2 good"));
  EXPECT_THAT(wrong_ndjson(most + " \n{}1\n" + std::string(500'000, 'x')),
              ElementsAre("0:1 - line-too-long", "1:2 - bad-line", "2:3 - line-too-long"));
  EXPECT_THAT(wrong_ndjson("{\"a\":\"" + std::string(200'000, 'x') + "\"}\n" + good + "\n5"),
              ElementsAre("0:1 - line-too-long", "2:3 - bad-line"));
}

TEST(Ndjson, ListsTheFirstErrorsAndCountsAll) {
  std::string body;
  for (int i = 0; i < 1000; ++i) body += "5\n";
  const auto result = decode_ndjson(body, {.source = ""});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().error_count, 1001U);
  ASSERT_EQ(result.error().errors.size(), errors_listed_max);
  EXPECT_EQ(line_of(result.error().errors[0]), "-:- source missing");
  EXPECT_EQ(line_of(result.error().errors[99]), "98:99 - bad-line");
}

TEST(Ndjson, ABatchWithoutPrices) { EXPECT_THAT(wrong_ndjson("\n \r\n"), ElementsAre("-:- prices empty")); }

TEST(Ndjson, HasABoundOfItsItems) {
  Setting setting;
  setting.limits.json_body_bytes_max = 10;
  setting.limits.items_max = 2;
  EXPECT_TRUE(decode_ndjson(good + "\n" + good, setting));
  const auto result = decode_ndjson(good + "\n5\n" + good, setting);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Refused::Kind::too_large);
}

}  // namespace
}  // namespace ratebook::intake::testing
