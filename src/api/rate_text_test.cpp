#include "api/rate_text.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <charconv>

#include "json/writer.hpp"

namespace ratebook::api {
namespace {

Day day(std::string_view text) { return parse_any_day(text).value(); }

book::DayRate rate(std::string_view on, std::uint64_t count, std::uint64_t sum_cents, std::uint32_t min = 1,
                   std::uint32_t max = 2) {
  return {.day = day(on), .count = count, .sum_cents = sum_cents, .min = {min}, .max = {max}, .percentiles = {}};
}

std::string existing(const std::vector<book::DayRate>& rates, std::string_view from, std::string_view to) {
  std::string out;
  append_existing_rates(out, rates, day(from), day(to));
  return out;
}

TEST(ExistingRates, EveryDayNewestFirstAsTheExistingServiceAnswers) {
  EXPECT_EQ(existing({rate("2021-01-30", 2, 200'000), rate("2021-01-31", 3, 346'300)}, "2021-01-29", "2021-02-01"),
            R"({"rates":[{"count":null,"day":"2021-02-01","price":null},)"
            R"({"count":3,"day":"2021-01-31","price":1154.3333333333333},)"
            R"({"count":2,"day":"2021-01-30","price":null},)"
            R"({"count":null,"day":"2021-01-29","price":null}]})");
}

TEST(ExistingRates, FromAfterToIsAnEmptyList) {
  EXPECT_EQ(existing({}, "2021-01-02", "2021-01-01"), R"({"rates":[]})");
}

TEST(ExistingRates, FirstAndLastDayOfTheCalendar) {
  EXPECT_EQ(existing({}, "0001-01-01", "0001-01-01"), R"({"rates":[{"count":null,"day":"0001-01-01","price":null}]})");
  EXPECT_EQ(existing({}, "9999-12-31", "9999-12-31"), R"({"rates":[{"count":null,"day":"9999-12-31","price":null}]})");
}

RC_GTEST_PROP(ExistingRates, DaysRunBackwardsWithoutAGap, ()) {
  const int first = *rc::gen::inRange(-700'000, 2'900'000);
  const int count = *rc::gen::inRange(1, 800);
  std::string out;
  append_existing_rates(out, {}, Day{first}, Day{first + count - 1});
  std::string expected = "{\"rates\":[";
  for (int i = count - 1; i >= 0; --i) {
    expected += fmt::format("{}{{\"count\":null,\"day\":\"{}\",\"price\":null}}", i == count - 1 ? "" : ",",
                            format_day(Day{first + i}));
  }
  RC_ASSERT(out == expected + "]}");
}

RC_GTEST_PROP(Numbers, ShortestDigitsReadBackAsTheSameNumber, ()) {
  const auto sum = *rc::gen::inRange<std::uint64_t>(1, std::uint64_t{1} << 53);
  const auto count = *rc::gen::inRange<std::uint64_t>(1, 1'000'000);
  const double value = static_cast<double>(sum) / (100.0 * static_cast<double>(count));
  std::string text;
  json::append_number(text, value);
  double back = 0;
  RC_ASSERT(std::from_chars(text.data(), text.data() + text.size(), back).ec == std::errc{});
  RC_ASSERT(back == value);
  RC_ASSERT(text.find_first_not_of("0123456789.") == std::string::npos);
}

TEST(Statistics, AreReadInTheOrderAsked) {
  const auto read = parse_statistics("avg,min,p20,p99.9,max,count,p100,p0");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->shown.size(), 7U);
  EXPECT_TRUE(read->extremes);
  EXPECT_EQ(read->percentiles, (std::vector<double>{0.2, 0.999, 1.0, 0.0}));
  EXPECT_EQ(read->shown[3].name, "p99.9");
  EXPECT_EQ(read->shown[3].percentile, 1U);
  EXPECT_FALSE(parse_statistics("avg")->extremes);
}

TEST(Statistics, RefuseWhatTheyAreNot) {
  for (const auto* text : {"", "avg,", ",avg", "avg,avg", "p50,p50", "count,count", "median", "AVG", "p", "p101",
                           "p100.1", "p050", "p-1", "p5.", "p.5", "p1.2345", "p1e1", " avg", "pp5"}) {
    EXPECT_FALSE(parse_statistics(text)) << text;
  }
  std::string many = "p0";
  for (std::size_t i = 1; i < statistics_max; ++i) many += fmt::format(",p{}", i);
  EXPECT_TRUE(parse_statistics(many));
  EXPECT_FALSE(parse_statistics(many + ",p100"));
}

TEST(Rates, AsJsonAndCsvWithNullsBelowTheLeastCount) {
  const auto statistics = parse_statistics("max,p50,avg,min").value();
  auto few = rate("2021-01-01", 2, 300, 100, 200);
  few.percentiles = {150};
  auto enough = rate("2021-01-03", 4, 1'000'050, 250'000, 250'050);
  enough.percentiles = {250'012.5};
  const std::vector<book::DayRate> rates{few, enough};
  std::string json;
  append_rates_json(json, rates, statistics, 3);
  EXPECT_EQ(json, R"({"day":"2021-01-01","count":2,"max":null,"p50":null,"avg":null,"min":null},)"
                  R"({"day":"2021-01-03","count":4,"max":2500.5,"p50":2500.125,"avg":2500.125,"min":2500})");
  std::string csv;
  append_rates_csv(csv, rates, statistics, 3);
  EXPECT_EQ(csv, "day,count,max,p50,avg,min\r\n2021-01-01,2,,,,\r\n2021-01-03,4,2500.5,2500.125,2500.125,2500\r\n");
  csv.clear();
  append_rates_csv(csv, {}, parse_statistics("count").value(), 1);
  EXPECT_EQ(csv, "day,count\r\n");
}

}  // namespace
}  // namespace ratebook::api
