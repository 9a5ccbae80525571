// CSV: RFC 4180 and what is accepted beside it, each error and its line, and where the check goes on.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "intake/testing.hpp"

namespace ratebook::intake::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view header = "orig_code,dest_code,day,price\n";
constexpr std::string_view good_line = "CNSGH,NLRTM,2021-01-31,1154.50\n";

std::string body(std::string_view lines) { return std::string{header} + std::string{lines}; }

std::vector<std::string> wrong_csv(std::string_view csv) { return testing::wrong(decode_csv(csv)); }

std::string csv_digest(std::string_view csv) {
  const auto result = decode_csv(csv);
  return result ? hex(result->digest) : lines_of(result.error()).front();
}

TEST(Csv, ABatch) {
  const auto result = decode_csv(body("CNSGH,NLRTM,2021-01-31,1154.5\nCNSGH,NLRTM,2021-01-31,0.01\n"));
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

TEST(Csv, TheSamePricesInEveryDress) {
  const std::string plain = csv_digest(body("CNSGH,NLRTM,2021-01-31,1154.50\nNLRTM,CNSGH,2021-02-01,7\n"));
  EXPECT_EQ(plain.size(), 64U) << plain;
  for (const std::string& other : {
           body("CNSGH,NLRTM,2021-01-31,1154.50\nNLRTM,CNSGH,2021-02-01,7"),
           body("CNSGH,NLRTM,2021-01-31,1154.5\nNLRTM,CNSGH,2021-02-01,7.0\n\n"),
           body("\nCNSGH,NLRTM,2021-01-31,1154.5\n\r\n\nNLRTM,CNSGH,2021-02-01,7\n\n\r\n"),
           body("\"CNSGH\",\"NLRTM\",\"2021-01-31\",\"1154.50\"\nNLRTM,\"CNSGH\",2021-02-01,\"7\""),
           "\xEF\xBB\xBF" + body("CNSGH,NLRTM,2021-01-31,1154.50\nNLRTM,CNSGH,2021-02-01,7\n"),
           std::string{
               "price,\"day\",dest_code,orig_code\r\n1154.50,2021-01-31,NLRTM,CNSGH\r\n7,2021-02-01,CNSGH,NLRTM"},
           std::string{"price,day,dest_code,\"orig_code\"\r\n1154.50,2021-01-31,NLRTM,\"CNSGH\"\r\n7,2021-02-01,CNSGH,"
                       "\"NLRTM\"\r\n"},
           std::string{"day,price,orig_code,dest_code\n2021-01-31,1154.50,CNSGH,NLRTM\n2021-02-01,7,NLRTM,CNSGH\r"},
       }) {
    EXPECT_EQ(csv_digest(other), plain) << other;
  }
}

TEST(Csv, WrongValues) {
  EXPECT_THAT(wrong_csv(body("CNXXX,nlrtm,2021-1-31,x\n")),
              ElementsAre("0:2 orig_code unknown-port", "0:2 dest_code unknown-port", "0:2 day bad-day",
                          "0:2 price not-a-number"));
  EXPECT_THAT(wrong_csv(body("CNOLD,NLRTM,2021-02-29,1e3\nNLRTM,NLRTM,2150-01-01,0.001\n")),
              ElementsAre("0:2 orig_code closed-port", "0:2 day no-such-day", "0:2 price exponent",
                          "1:3 dest_code same-port", "1:3 day day-out-of-range", "1:3 price too-many-decimals"));
  EXPECT_THAT(
      wrong_csv(body("CNSGH,NLRTM,2021-01-31,0\nCNSGH,NLRTM,2021-01-31,-1\nCNSGH,NLRTM,2021-01-31,20000000.01\n")),
      ElementsAre("0:2 price not-positive", "1:3 price not-positive", "2:4 price too-large"));
  EXPECT_THAT(wrong_csv(body(",\"\",,\n")),
              ElementsAre("0:2 orig_code missing", "0:2 dest_code missing", "0:2 day missing", "0:2 price missing"));
  EXPECT_THAT(wrong_csv(body("CN\xFFGH,NLRTM,2021-01-31,1\n")), ElementsAre("0:2 orig_code bad-utf8"));
  EXPECT_THAT(wrong_csv(body(" CNSGH,NLRTM,2021-01-31,1 \n")),
              ElementsAre("0:2 orig_code unknown-port", "0:2 price not-a-number"));
  EXPECT_THAT(wrong_csv(body("CNSGH,NLRTM,2021-01-31,1\r\r\n")), ElementsAre("0:2 price not-a-number"));
  EXPECT_THAT(wrong_csv(body(std::string{"CNSGH,NLRTM,2021-01-31,1\0\n", 26})), ElementsAre("0:2 price not-a-number"));
}

TEST(Csv, WrongFieldCountsGoOnAtTheNextRecord) {
  EXPECT_THAT(
      wrong_csv(body("CNSGH,NLRTM,2021-01-31\nCNSGH,NLRTM,2021-01-31,1,2\n\"\"\nCNSGH,NLRTM,2021-01-31,1\n,\n")),
      ElementsAre("0:2 - wrong-field-count", "1:3 - wrong-field-count", "2:4 - wrong-field-count",
                  "4:6 - wrong-field-count"));
}

TEST(Csv, LinesAreCountedThroughQuotedLineBreaks) {
  EXPECT_THAT(wrong_csv(body("\"CN\nSGH\",NLRTM,2021-01-31,1\nCNSGH,NLRTM,2021-01-31,x\n\"a\n\n\",b\nCNSGH,NLRTM,,1")),
              ElementsAre("0:2 orig_code unknown-port", "1:4 price not-a-number", "2:5 - wrong-field-count",
                          "3:8 day missing"));
}

TEST(Csv, DoubledQuotesAreOne) {
  const auto result = decode_csv(body("\"CN\"\"\"\"SGH\"\"\",NLRTM,2021-01-31,1\n"));
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().errors.at(0).message, HasSubstr("'CN\"\"SGH\"'"));
}

TEST(Csv, ABrokenQuoteCostsItsLineOnly) {
  const std::string good{good_line};
  EXPECT_THAT(wrong_csv(body("CN\"SGH,NLRTM,2021-01-31,1\n" + good + "CNSGH,NLRTM,2021-01-31,0\n")),
              ElementsAre("0:2 - bad-quote", "2:4 price not-positive"));
  EXPECT_THAT(wrong_csv(body("\"CNSGH\"x,NLRTM,2021-01-31,1\n" + good)), ElementsAre("0:2 - bad-quote"));
  EXPECT_THAT(wrong_csv(body("\"CNSGH\" ,NLRTM,2021-01-31,1\n" + good)), ElementsAre("0:2 - bad-quote"));
  EXPECT_THAT(wrong_csv(body("\"CNSGH\"\r,NLRTM,2021-01-31,1\n" + good)), ElementsAre("0:2 - bad-quote"));
  EXPECT_THAT(wrong_csv(body("\"CNSGH,NLRTM,2021-01-31,1\n" + good + good)), ElementsAre("0:2 - bad-quote"));
  EXPECT_THAT(wrong_csv(body("\"CNSGH,NLRTM,2021-01-31,1\n" + good + "\"CNSGH\",NLRTM,2021-01-31,0\n")),
              ElementsAre("0:2 - bad-quote", "2:4 price not-positive"));
  EXPECT_THAT(wrong_csv(body(good + "\"")), ElementsAre("1:3 - bad-quote"));
}

TEST(Csv, AQuoteThatStaysOpenCostsItsLineOnly) {
  std::string csv = body("\"CNSGH,NLRTM,2021-01-31,1\n");
  for (int i = 0; i < 10'000; ++i) csv += good_line;
  EXPECT_THAT(wrong_csv(csv + "CNSGH,NLRTM,2021-01-31,0\n"),
              ElementsAre("0:2 - line-too-long", "10001:10003 price not-positive"));
}

TEST(Csv, ALineTooLongCostsItsLineOnly) {
  const std::string most = "CNSGH,NLRTM,2021-01-31," + std::string(64 * 1024 - 24, '0') + "1";
  for (const char* rest : {"\n", "\r\n"}) {
    EXPECT_THAT(wrong_csv(body(most.substr(0, most.size() - std::string_view{rest}.size()) + "1" + rest)),
                ElementsAre("0:2 - line-too-long"));
  }
  EXPECT_THAT(wrong_csv(body(most.substr(0, most.size() - 2) + "1\n" + std::string{good_line})), ElementsAre("2 good"));
  EXPECT_THAT(wrong_csv(body(most)), ElementsAre("1 good"));
  EXPECT_THAT(wrong_csv(body(std::string(500'000, 'x') + "\n" + std::string{good_line} + std::string(500'000, ','))),
              ElementsAre("0:2 - line-too-long", "2:4 - line-too-long"));
}

TEST(Csv, WrongHeaders) {
  const auto with_header = [](std::string_view line) {
    return wrong_csv(std::string{line} + "\n" + std::string{good_line});
  };
  EXPECT_THAT(with_header("orig_code,dest_code,day"), ElementsAre("-:1 price missing-column"));
  EXPECT_THAT(with_header("orig_code,dest_code,day,price,note"), ElementsAre("-:1 note unknown-column"));
  EXPECT_THAT(with_header("orig_code,dest_code,day,day"),
              ElementsAre("-:1 day repeated-column", "-:1 price missing-column"));
  EXPECT_THAT(with_header("orig_code,dest_code,day,Price"),
              ElementsAre("-:1 Price unknown-column", "-:1 price missing-column"));
  EXPECT_THAT(with_header("\n\norig_code;dest_code;day;price"),
              ElementsAre("-:3 orig_code;dest_code;day;price unknown-column", "-:3 orig_code missing-column",
                          "-:3 dest_code missing-column", "-:3 day missing-column", "-:3 price missing-column"));
  EXPECT_THAT(with_header("orig_code,dest_code,day,price" + std::string(100, ',')), ::testing::SizeIs(28 + 1))
      << "32 of the columns, and a word on the others";
}

TEST(Csv, AHeaderThatCannotBeReadIsMalformed) {
  for (const std::string& line :
       {std::string{"\"orig_code,dest_code,day,price"}, std::string{"a\"b"}, std::string(70'000, 'x')}) {
    const auto result = decode_csv(line);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, Refused::Kind::malformed);
    EXPECT_EQ(result.error().errors.size(), 1U);
  }
}

TEST(Csv, AnEmptyBatch) {
  EXPECT_THAT(wrong_csv("\n\n"), ElementsAre("-:1 - empty"));
  EXPECT_THAT(wrong_csv(header), ElementsAre("-:- prices empty"));
  EXPECT_THAT(wrong_csv(header.substr(0, header.size() - 1)), ElementsAre("-:- prices empty"));
}

TEST(Csv, TheSourceComesFromTheQuery) {
  const auto without = decode_csv(body(good_line), {.source = ""});
  ASSERT_FALSE(without);
  EXPECT_THAT(lines_of(without.error()), ElementsAre("-:- source missing"));
  const auto bad = decode_csv(body(good_line), {.source = "-"});
  ASSERT_FALSE(bad);
  EXPECT_THAT(lines_of(bad.error()), ElementsAre("-:- source bad-source"));
}

TEST(Csv, ListsTheFirstErrorsAndCountsAll) {
  std::string csv{header};
  for (int i = 0; i < 1000; ++i) csv += "x\n";
  const auto result = decode_csv(csv, {.source = ""});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().error_count, 1001U);
  ASSERT_EQ(result.error().errors.size(), errors_listed_max);
  EXPECT_EQ(line_of(result.error().errors[0]), "-:- source missing");
  EXPECT_EQ(line_of(result.error().errors[99]), "98:100 - wrong-field-count");
}

TEST(Csv, HasNoBoundOfItsBodyButOneOfItsItems) {
  std::string csv{header};
  for (int i = 0; i < 100; ++i) csv += good_line;
  Setting setting;
  setting.limits.json_body_bytes_max = 10;
  setting.limits.items_max = 100;
  EXPECT_TRUE(decode_csv(csv, setting));
  setting.limits.items_max = 99;
  const auto result = decode_csv(csv, setting);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Refused::Kind::too_large);
}

}  // namespace
}  // namespace ratebook::intake::testing
