// Days: what is read, what is refused, and that both directions agree.
#include "model/day.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace ratebook {
namespace {

// python3 -c 'import datetime as d; print((d.date(2021,1,31)-d.date(1970,1,1)).days)', and so on
TEST(Day, CountsFrom1970) {
  EXPECT_EQ(parse_day("1970-01-01"), Day{0});
  EXPECT_EQ(parse_day("2000-02-29"), Day{11016});
  EXPECT_EQ(parse_day("2021-01-31"), Day{18658});
  EXPECT_EQ(parse_day("2149-12-31"), day_max);
  EXPECT_EQ(day_max.since_1970, 65743);
  EXPECT_EQ(parse_any_day("0001-01-01"), Day{-719162});
  EXPECT_EQ(parse_any_day("9999-12-31"), Day{2932896});
}

TEST(Day, RefusesWhatIsNoDay) {
  for (const char* text :
       {"",           "2021",       "2021-1-31",  "2021-01-31 ", " 2021-01-31", "2021/01/31", "2021-01-3x",
        "20210131",   "2021-02-29", "1900-02-29", "2021-00-10",  "2021-13-01",  "2021-01-00", "2021-04-31",
        "2021-01-32", "-021-01-31", "+021-01-31", "0000-01-01",  "2021-01-031", "２021-01-3"}) {
    EXPECT_FALSE(parse_day(text)) << text;
    EXPECT_FALSE(parse_any_day(text)) << text;
  }
}

TEST(Day, RefusesWhatIsOutOfRange) {
  for (const char* text : {"1969-12-31", "2150-01-01", "0001-01-01", "9999-12-31"}) {
    EXPECT_FALSE(parse_day(text)) << text;
    EXPECT_TRUE(parse_any_day(text)) << text;
  }
}

TEST(Day, FormatsIntoTenCharacters) {
  char out[12] = "xxxxxxxxxxx";
  format_day(Day{18658}, out);
  EXPECT_STREQ(out, "2021-01-31x");
  EXPECT_EQ(format_day(Day{-719162}), "0001-01-01");
}

TEST(Day, ReadsBackEveryDayInOrder) {
  std::string before;
  for (Day day = day_min; day <= day_max; ++day.since_1970) {
    const std::string text = format_day(day);
    ASSERT_EQ(parse_day(text), day) << text;
    ASSERT_LT(before, text);
    before = text;
  }
}

}  // namespace
}  // namespace ratebook
