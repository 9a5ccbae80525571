#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "obs/logger.hpp"
#include "obs/metrics.hpp"
#include "obs/repeats.hpp"

namespace ratebook::obs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Logger, KeepsALineOneLineAndValidJson) {
  EXPECT_EQ(format_line(Logger::Form::json, "said \"no\"\n", {{"batch", "a\\b\x01\xff"}}),
            R"("message":"said \"no\"\u000a","batch":"a\\b\u0001\u00ff")");
  EXPECT_EQ(format_line(Logger::Form::people, "two\nlines", {{"batch", "9f"}}), "two\\u000alines  batch=9f");
}

TEST(Repeats, TenOfAMessageInATimeAndThenHowManyWereHeldBack) {
  Repeats repeats{2, std::chrono::seconds{10}};
  const Repeats::Clock::time_point began{};
  const auto at = [&](int seconds) { return began + std::chrono::seconds{seconds}; };
  std::vector<bool> admitted;
  for (int i = 0; i < 5; ++i) admitted.push_back(repeats.admit("disk full", at(i)));
  EXPECT_THAT(admitted, ElementsAre(true, true, false, false, false));
  EXPECT_TRUE(repeats.admit("another", at(5)));
  EXPECT_TRUE(repeats.take_over(at(9)).empty());
  const auto held = repeats.take_over(at(10));
  ASSERT_EQ(held.size(), 1U);
  EXPECT_EQ(held[0].message, "disk full");
  EXPECT_EQ(held[0].count, 3U);
  EXPECT_TRUE(repeats.take_over(at(10)).empty());
  EXPECT_TRUE(repeats.admit("disk full", at(10)));
}

TEST(Repeats, ManyDifferentMessagesAreBoundedAsOne) {
  Repeats repeats{2, std::chrono::seconds{10}};
  int admitted = 0;
  for (int i = 0; i < 10'000; ++i) admitted += repeats.admit(std::to_string(i), {}) ? 1 : 0;
  EXPECT_EQ(admitted, 258);
  ASSERT_EQ(repeats.take_all().size(), 1U);
}

TEST(Metrics, CountsPerLabelAndReadsGaugesAtTheScrape) {
  Metrics metrics;
  const Counter first = metrics.counter("ratebook_things_total", "Things.", {{"kind", "a"}});
  metrics.counter("ratebook_things_total", "Things.", {{"kind", "b"}}).add(2);
  first.add();
  metrics.counter("ratebook_things_total", "Things.", {{"kind", "a"}}).add(3);
  double level = 1;
  metrics.gauge("ratebook_level", "A level.", [&level] { return level; });
  level = 7;
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("ratebook_things_total{kind=\"a\"} 4"));
  EXPECT_THAT(text, HasSubstr("ratebook_things_total{kind=\"b\"} 2"));
  EXPECT_THAT(text, HasSubstr("# TYPE ratebook_level gauge"));
  EXPECT_THAT(text, HasSubstr("ratebook_level 7"));
  EXPECT_THAT(text, Not(HasSubstr("ratebook_level 1")));
}

TEST(Metrics, SpreadsAHistogramOverItsBounds) {
  Metrics metrics;
  const Histogram took = metrics.histogram("ratebook_took_seconds", "Time.", {0.1, 1});
  for (const double value : {0.05, 0.5, 5.0}) took.observe(value);
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("ratebook_took_seconds_bucket{le=\"0.1\"} 1"));
  EXPECT_THAT(text, HasSubstr("ratebook_took_seconds_bucket{le=\"1\"} 2"));
  EXPECT_THAT(text, HasSubstr("ratebook_took_seconds_bucket{le=\"+Inf\"} 3"));
}

TEST(Metrics, AHandleThatWasNotMadeCountsNowhere) {
  Counter{}.add();
  Histogram{}.observe(1);
  EXPECT_EQ(Metrics{}.text(), "");
}

}  // namespace
}  // namespace ratebook::obs
