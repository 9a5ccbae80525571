#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "obs/logger.hpp"
#include "obs/metrics.hpp"

namespace ratebook::obs {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Logger, KeepsALineOneLineAndValidJson) {
  EXPECT_EQ(format_line(Logger::Form::json, "said \"no\"\n", {{"batch", "a\\b\x01\xff"}}),
            R"("message":"said \"no\"\u000a","batch":"a\\b\u0001\u00ff")");
  EXPECT_EQ(format_line(Logger::Form::people, "two\nlines", {{"batch", "9f"}}), "two\\u000alines  batch=9f");
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
