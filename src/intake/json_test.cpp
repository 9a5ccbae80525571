// JSON: the contract, each error, and the grammar against simdjson.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <simdjson.h>

#include <algorithm>

#include "intake/testing.hpp"

namespace ratebook::intake::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view good_item = R"({"orig_code":"CNSGH","dest_code":"NLRTM","day":"2021-01-31","price":1154.5})";

std::string batch(std::string_view items) { return fmt::format("{{\"source\":\"carrier-a\",\"prices\":[{}]}}", items); }

std::string item_with_price(std::string_view price) {
  return fmt::format(R"({{"orig_code":"CNSGH","dest_code":"NLRTM","day":"2021-01-31","price":{}}})", price);
}
std::string item_with_day(std::string_view day) {
  return fmt::format(R"({{"orig_code":"CNSGH","dest_code":"NLRTM","day":{},"price":1}})", day);
}
std::string item_with_ports(std::string_view orig, std::string_view dest) {
  return fmt::format(R"({{"orig_code":{},"dest_code":{},"day":"2021-01-31","price":1}})", orig, dest);
}

/// What is wrong with a batch of this one item.
std::vector<std::string> wrong_json(std::string_view item) { return testing::wrong(decode_json(batch(item))); }

Refused refused_json(std::string_view body, Setting setting = {}) {
  auto result = decode_json(body, std::move(setting));
  EXPECT_FALSE(result.has_value()) << body;
  return result ? Refused{} : std::move(result.error());
}

TEST(Json, ABatch) {
  const auto result = decode_json(batch(fmt::format("{},{}", good_item, item_with_price("\"0.01\""))), {.source = ""});
  ASSERT_TRUE(result) << result.error().detail;
  EXPECT_EQ(result->source, "carrier-a");
  EXPECT_EQ(result->price_count, 2U);
  const PortCode shanghai = PortCode::parse("CNSGH").value();
  const PortCode rotterdam = PortCode::parse("NLRTM").value();
  EXPECT_THAT(prices_of(result->spool), ElementsAre(Price{shanghai, rotterdam, Day{18658}, Cents{115450}},
                                                    Price{shanghai, rotterdam, Day{18658}, Cents{1}}));
  // python3: sha256(b"\nCNSGH,NLRTM,2021-01-31,115450\nCNSGH,NLRTM,2021-01-31,1\n").hexdigest()
  EXPECT_EQ(hex(result->digest), "91e3c7ac01f90585785ae7f3dcddb38fe23937e9a42207a4cc9c28ad7419fe0f");
}

TEST(Json, FieldsInAnyOrderBlanksAndEscapes) {
  const auto result = decode_json(
      "\xEF\xBB\xBF \r\n\t{ \"prices\" : [ { \"price\" : \"1154.50\" , \"\\u0064ay\" : \"2021\\u002d01-31\" ,\n"
      "\"dest_code\":\"NLRT\\u004D\",\"orig_c\\u006fde\":\"\\u0043NSGH\" } ] ,\n \"sourc\\u0065\" : "
      "\"carrier\\u002da\" }\n ");
  ASSERT_TRUE(result) << result.error().detail << " " << lines_of(result.error()).front();
  EXPECT_EQ(result->digest, decode_json(batch(good_item))->digest);
}

TEST(Json, ThePriceIsExact) {
  for (const char* price : {"1154.50", "\"1154.5\"", "\"1154.50\"", "\"01154.5\""}) {
    const auto result = decode_json(batch(item_with_price(price)));
    ASSERT_TRUE(result) << price;
    EXPECT_EQ(prices_of(result->spool)[0].amount, Cents{115450}) << price;
  }
  // As floats these would be off by a cent, or round into the range.
  EXPECT_EQ(prices_of(decode_json(batch(item_with_price("19999999.99")))->spool)[0].amount, Cents{1'999'999'999});
  EXPECT_THAT(wrong_json(item_with_price("20000000.0000000000001")), ElementsAre("0:1 price too-many-decimals"));
  EXPECT_THAT(wrong_json(item_with_price("0.010000000000000000000001")), ElementsAre("0:1 price too-many-decimals"));
  EXPECT_THAT(wrong_json(item_with_price("100000000000000000000000000000000000000")),
              ElementsAre("0:1 price too-large"));
}

TEST(Json, WrongPrices) {
  EXPECT_THAT(wrong_json(item_with_price("1.5e3")), ElementsAre("0:1 price exponent"));
  EXPECT_THAT(wrong_json(item_with_price("\"1E3\"")), ElementsAre("0:1 price exponent"));
  EXPECT_THAT(wrong_json(item_with_price("1.005")), ElementsAre("0:1 price too-many-decimals"));
  EXPECT_THAT(wrong_json(item_with_price("0")), ElementsAre("0:1 price not-positive"));
  EXPECT_THAT(wrong_json(item_with_price("-3.10")), ElementsAre("0:1 price not-positive"));
  EXPECT_THAT(wrong_json(item_with_price("20000000.01")), ElementsAre("0:1 price too-large"));
  EXPECT_THAT(wrong_json(item_with_price("\"a lot\"")), ElementsAre("0:1 price not-a-number"));
  EXPECT_THAT(wrong_json(item_with_price("\"\"")), ElementsAre("0:1 price not-a-number"));
  for (const char* value : {"null", "true", "false", "[1]", "{\"a\":[{}]}"}) {
    EXPECT_THAT(wrong_json(item_with_price(value)), ElementsAre("0:1 price wrong-type")) << value;
  }
}

TEST(Json, WrongDays) {
  for (const char* day : {"\"\"", "\"2021-1-31\"", "\"2021-01-31T00:00:00Z\"", "\"31.01.2021\"", "\"2021-01-3x\""}) {
    EXPECT_THAT(wrong_json(item_with_day(day)), ElementsAre("0:1 day bad-day")) << day;
  }
  for (const char* day : {"\"2021-02-29\"", "\"2021-13-01\"", "\"2021-00-00\"", "\"0000-01-01\""}) {
    EXPECT_THAT(wrong_json(item_with_day(day)), ElementsAre("0:1 day no-such-day")) << day;
  }
  for (const char* day : {"\"1969-12-31\"", "\"2150-01-01\""}) {
    EXPECT_THAT(wrong_json(item_with_day(day)), ElementsAre("0:1 day day-out-of-range")) << day;
  }
  for (const char* day : {"20210131", "null", "[\"2021-01-31\"]"}) {
    EXPECT_THAT(wrong_json(item_with_day(day)), ElementsAre("0:1 day wrong-type")) << day;
  }
}

TEST(Json, WrongPorts) {
  EXPECT_THAT(wrong_json(item_with_ports("\"CNXXX\"", "\"nlrtm\"")),
              ElementsAre("0:1 orig_code unknown-port", "0:1 dest_code unknown-port"));
  EXPECT_THAT(wrong_json(item_with_ports("\"CNOLD\"", "\"NLRTM\"")), ElementsAre("0:1 orig_code closed-port"));
  EXPECT_THAT(wrong_json(item_with_ports("\"NLRTM\"", "\"CNOLD\"")), ElementsAre("0:1 dest_code closed-port"));
  EXPECT_THAT(wrong_json(item_with_ports("\"NLRTM\"", "\"NLRTM\"")), ElementsAre("0:1 dest_code same-port"));
  EXPECT_THAT(wrong_json(item_with_ports("\"CNXXX\"", "\"CNXXX\"")),
              ElementsAre("0:1 orig_code unknown-port", "0:1 dest_code unknown-port"));
  EXPECT_THAT(wrong_json(item_with_ports("5", "null")),
              ElementsAre("0:1 orig_code wrong-type", "0:1 dest_code wrong-type"));
}

TEST(Json, WrongFields) {
  EXPECT_THAT(wrong_json("{}"),
              ElementsAre("0:1 orig_code missing", "0:1 dest_code missing", "0:1 day missing", "0:1 price missing"));
  EXPECT_THAT(
      wrong_json(R"({"orig_code":"CNSGH","dest_code":"NLRTM","day":"2021-01-31","price":1,"Price":[{"x":1}],"":0})"),
      ElementsAre("0:1 Price unknown-field", "0:1 - unknown-field"));
  EXPECT_THAT(
      wrong_json(R"({"orig_code":"CNSGH","dest_code":"NLRTM","day":"2021-01-31","price":1,"price":1,"price":"x"})"),
      ElementsAre("0:1 price repeated-field"));
  EXPECT_THAT(wrong_json(R"({"day":"x","orig_code":"CNSGH","d\u0061y":"2021-01-31","dest_code":"NLRTM","price":1})"),
              ElementsAre("0:1 day repeated-field"));
  for (const char* item : {"5", "null", "\"CNSGH\"", "[1,2]", "true"}) {
    EXPECT_THAT(wrong_json(item), ElementsAre("0:1 - wrong-type")) << item;
  }
}

TEST(Json, BadUtf8) {
  EXPECT_THAT(wrong_json(item_with_ports("\"CN\xFFGH\"", "\"NLRTM\"")), ElementsAre("0:1 orig_code bad-utf8"));
  EXPECT_THAT(wrong_json(item_with_price("\"1\xC3\"")), ElementsAre("0:1 price bad-utf8"));
  EXPECT_THAT(wrong_json(item_with_day("\"\\ud800\"")), ElementsAre("0:1 day bad-utf8"));
  EXPECT_THAT(wrong_json(item_with_day("\"\\udc00\\ud800\"")), ElementsAre("0:1 day bad-utf8"));
  EXPECT_THAT(wrong_json(item_with_day("\"\\ud83d\\ude00 \\u00e4\"")), ElementsAre("0:1 day bad-day"));
  EXPECT_THAT(wrong_json("{\"\xFF\":1,\"\\ud800\":2}"),
              ElementsAre("0:1 orig_code missing", "0:1 dest_code missing", "0:1 day missing", "0:1 price missing",
                          "0:1 ? bad-utf8", "0:1 ? bad-utf8"));
  EXPECT_THAT(lines_of(refused_json("{\"source\":\"\xFF\",\"\xFF\":1,\"prices\":[]}", {.source = ""})),
              ElementsAre("-:1 source bad-utf8", "-:1 ? bad-utf8"));
}

TEST(Json, AMessageShowsTheValueShortAndClean) {
  const auto result = refused_json(batch(item_with_day("\"2021\\u0000\\n\\u009b" + std::string(100, 'x') + "\"")));
  EXPECT_THAT(result.errors.at(0).message, HasSubstr("'2021???" + std::string(33, 'x') + "…' is not a day"));
}

TEST(Json, EscapesStandForTheirCharacters) {
  const auto result = refused_json(batch(item_with_day(R"("\ud83d\ude00 \u00E4 \u20ac \" \\ \/ \b\f\n\r\t \u0041")")));
  EXPECT_THAT(result.errors.at(0).message, HasSubstr("'😀 ä € \" \\ / ????? A' is not a day"));
}

TEST(Json, EveryItemIsCheckedWithItsLine) {
  const auto result = refused_json(fmt::format("{{\n\"prices\": [\n{},\n{}, {},\n\n{}\n],\n\"source\": \"carrier-a\"}}",
                                               good_item, item_with_price("0"), item_with_day("1"), "{}"));
  EXPECT_THAT(lines_of(result), ElementsAre("1:4 price not-positive", "2:4 day wrong-type", "3:6 orig_code missing",
                                            "3:6 dest_code missing", "3:6 day missing", "3:6 price missing"));
  EXPECT_EQ(result.error_count, 6U);
}

TEST(Json, ListsTheFirstErrorsAndCountsAll) {
  std::string items{good_item};
  for (int i = 0; i < 500; ++i) items += ",{\"x\":1}";
  const auto result = refused_json(fmt::format("{{\"prices\":[{}],\"other\":1}}", items));
  EXPECT_EQ(result.kind, Refused::Kind::invalid);
  EXPECT_EQ(result.error_count, 500U * 5 + 1);
  ASSERT_EQ(result.errors.size(), errors_listed_max);
  EXPECT_EQ(line_of(result.errors[0]), "-:1 other unknown-field");
  EXPECT_EQ(line_of(result.errors[1]), "1:1 orig_code missing");
  std::string item = "{";
  for (int i = 0; i < 300; ++i) item += fmt::format("\"x{}\":1,", i);
  EXPECT_EQ(refused_json(batch(item + "\"y\":2}")).error_count, 305U);
}

TEST(Json, TheSource) {
  const std::string items = fmt::format("\"prices\":[{}]", good_item);
  const auto lines = [&](std::string_view body_source, std::string query_source) {
    const auto result = decode_json(fmt::format("{{{}{}}}", body_source, items), {.source = std::move(query_source)});
    return result ? std::vector<std::string>{result->source} : lines_of(result.error());
  };
  EXPECT_THAT(lines("", "carrier-b"), ElementsAre("carrier-b"));
  EXPECT_THAT(lines("\"source\":\"carrier-b\",", ""), ElementsAre("carrier-b"));
  EXPECT_THAT(lines("\"source\":\"carrier-b\",", "carrier-b"), ElementsAre("carrier-b"));
  EXPECT_THAT(lines("", ""), ElementsAre("-:- source missing"));
  EXPECT_THAT(lines("\"source\":\"a\",", "b"), ElementsAre("-:1 source source-conflict"));
  EXPECT_THAT(lines("\"source\":\"A b\",", ""), ElementsAre("-:1 source bad-source"));
  EXPECT_THAT(lines("\"source\":\"\",", ""), ElementsAre("-:1 source bad-source"));
  EXPECT_THAT(lines("", "A"), ElementsAre("-:- source bad-source"));
  EXPECT_THAT(lines("\"source\":null,", ""), ElementsAre("-:1 source wrong-type"));
  EXPECT_THAT(lines("\"source\":7,", "b"), ElementsAre("-:1 source wrong-type"));
  EXPECT_THAT(lines("\"source\":\"a\",\"source\":\"a\",", ""), ElementsAre("-:1 source repeated-field"));
}

TEST(Json, TheWhole) {
  EXPECT_THAT(lines_of(refused_json("{}")), ElementsAre("-:- prices empty"));
  EXPECT_THAT(lines_of(refused_json(batch(""))), ElementsAre("-:- prices empty"));
  EXPECT_THAT(lines_of(refused_json("{\"prices\":null}")), ElementsAre("-:1 prices wrong-type"));
  EXPECT_THAT(lines_of(refused_json("{\"prices\":{}}")), ElementsAre("-:1 prices wrong-type"));
  EXPECT_THAT(lines_of(refused_json(fmt::format("{{\"prices\":[{0}],\n\"prices\":[{0},5]}}", good_item))),
              ElementsAre("-:2 prices repeated-field", "2:2 - wrong-type"));
  EXPECT_THAT(lines_of(refused_json(fmt::format("{{\"prices\":[{0}],\"currency\":{{\"a\":[1]}}}}", good_item))),
              ElementsAre("-:1 currency unknown-field"));
  EXPECT_THAT(lines_of(refused_json(batch(good_item), {.replaces = "x"})), ElementsAre("-:- replaces bad-batch-id"));
}

TEST(Json, WhatItReplacesIsPartOfTheDigest) {
  const auto plain = decode_json(batch(good_item));
  const auto replacing = decode_json(batch(good_item), {.replaces = "0123456789abcdef0123456789abcdef"});
  ASSERT_TRUE(replacing);
  EXPECT_NE(plain->digest, replacing->digest);
}

TEST(Json, ASyntaxErrorEndsTheCheckAndNamesItsPlace) {
  const auto result = refused_json("{\"prices\":[\n{},\n{\"day\" 5},{}]}");
  EXPECT_EQ(result.kind, Refused::Kind::malformed);
  EXPECT_EQ(result.detail, "line 3, column 8 (byte 23): '5' stands where ':' should");
  EXPECT_EQ(result.error_count, 4U);
  EXPECT_EQ(result.errors.size(), 4U);
  EXPECT_EQ(refused_json("{\"prices\":[{}").detail,
            "the body ends at line 1, column 14 (byte 13), where ',' or ']' should follow");
  EXPECT_EQ(refused_json(" ").detail, "the body ends at line 1, column 2 (byte 1), where '{' should follow");
  EXPECT_EQ(refused_json("{}\n{}").detail,
            "line 2, column 1 (byte 3): '{' stands where nothing after the batch should");
  EXPECT_EQ(refused_json(std::string_view{"{}\0", 3}).kind, Refused::Kind::malformed);
}

TEST(Json, WhatIsSkippedIsCheckedToo) {
  for (const char* value :
       {"tru",      "nul",    "True", "01",    "-",       "1.",         ".5",  "1e",       "+1",      "0x1",
        "NaN",      "[1,]",   "[,1]", "[1 2]", "{\"a\"}", "{\"a\":1,}", "{,}", "{a:1}",    "\"\\x\"", "\"\\u12g4\"",
        "\"a\nb\"", "\"\t\"", "]",    "}",     "",        "'a'",        "[1}", "{\"a\":1]"}) {
    for (const auto& body :
         {fmt::format("{{\"prices\":[],\"other\":{}}}", value), batch(fmt::format("{{\"x\":{}}}", value)),
          batch(value == std::string_view{} ? "," : value)}) {
      EXPECT_EQ(refused_json(body).kind, Refused::Kind::malformed) << body;
    }
  }
  std::string deep(1000, '[');
  EXPECT_EQ(refused_json(batch("{\"x\":" + deep)).kind, Refused::Kind::malformed);
}

TEST(Json, Limits) {
  const std::string body = batch(fmt::format("{0},{0},{0}", good_item));
  Setting setting;
  setting.limits.items_max = 3;
  EXPECT_TRUE(decode_json(body, setting));
  setting.limits.items_max = 2;
  EXPECT_EQ(refused_json(body, setting).kind, Refused::Kind::too_large);
  setting = {};
  setting.limits.json_body_bytes_max = body.size();
  EXPECT_TRUE(decode_json(body, setting));
  setting.limits.json_body_bytes_max = body.size() - 1;
  EXPECT_EQ(refused_json(body, setting).kind, Refused::Kind::too_large);
  setting.piece_bytes = {10};
  EXPECT_EQ(refused_json(body, setting).kind, Refused::Kind::too_large);
  EXPECT_EQ(refused_json(batch("{\"x\":\"" + std::string(70'000, 'x') + "\"}")).kind, Refused::Kind::too_large);
  EXPECT_EQ(refused_json("{\"x\":\"" + std::string(70'000, 'x')).kind, Refused::Kind::too_large);
  EXPECT_TRUE(decode_json(batch(std::string(200'000, ' ') + std::string{good_item} + std::string(200'000, '\n'))));
}

/// A text that is JSON, or nearly: any value's text with a few bytes changed.
std::string any_json(int depth) {
  const auto kind = *rc::gen::inRange(0, depth > 3 ? 6 : 8);
  const auto list = [&](auto element) {
    std::string text;
    const auto count = *rc::gen::inRange(0, 4);
    for (int i = 0; i < count; ++i) text += (i == 0 ? "" : ",") + element();
    return text;
  };
  const auto text = [] {
    return "\"" + *rc::gen::container<std::string>(rc::gen::elementOf(std::string{"ab\\\"u0dD8/ "})) + "\"";
  };
  switch (kind) {
    case 0:
      return *rc::gen::element<std::string>("true", "false", "null");
    case 1:
      return std::to_string(*rc::gen::inRange(-1000, 1000));
    case 2:
      return *rc::gen::element<std::string>("0.5", "-0", "1e5", "1.5E-3", "-1.0e+2", "0e0", "10.01");
    case 3:
      return text();
    case 4:
      return "\"plain\"";
    case 5:
      return *rc::gen::element<std::string>(" 1", "1 ", "\n[ ]\t", "{ }", "\r\n\"\"");
    case 6:
      return "[" + list([&] { return any_json(depth + 1); }) + "]";
    default:
      return "{" + list([&] { return text() + ":" + any_json(depth + 1); }) + "}";
  }
}

RC_GTEST_PROP(JsonProperty, TheGrammarIsThatOfSimdjson, ()) {
  std::string body = "{\"source\":\"carrier-a\",\"x\":" + any_json(0) + ",\"prices\":[{\"y\":" + any_json(0) + "}," +
                     any_json(0) + "]}";
  const auto changes = *rc::gen::weightedElement<int>({{2, 0}, {3, 1}, {1, 3}});
  for (int i = 0; i < changes; ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, body.size());
    const char byte = *rc::gen::elementOf(std::string{"{}[]:,\"\\0123456789-+.eE tfn\nau"});
    if (*rc::gen::arbitrary<bool>()) {
      body[at] = byte;
    } else {
      body.insert(at, 1, byte);
    }
  }
  simdjson::dom::parser parser;
  const bool is_json = parser.parse(body).error() == simdjson::SUCCESS;
  RC_CLASSIFY(is_json);
  const auto result = decode_json(body);
  RC_ASSERT(!result.has_value());
  // Halves of surrogate pairs are grammar to us, and an error of their value.
  const bool lone_surrogate =
      std::ranges::any_of(result.error().errors, [](const auto& e) { return e.code == "bad-utf8"; });
  if (!lone_surrogate) RC_ASSERT((result.error().kind != Refused::Kind::malformed) == is_json);
}

}  // namespace
}  // namespace ratebook::intake::testing
