#include "api/query.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ratebook::api {
namespace {

using ::testing::HasSubstr;

TEST(Query, DecodesNamesAndValuesAndTakesTheFirst) {
  const Query query{"a=x%20y+z&%62=%c3%A9&a=second&empty=&bare&&last=1"};
  EXPECT_FALSE(query.problem());
  EXPECT_EQ(query.get("a"), "x y z");
  EXPECT_EQ(query.get("b"), "\xc3\xa9");
  EXPECT_EQ(query.get("empty"), "");
  EXPECT_EQ(query.get("bare"), "");
  EXPECT_EQ(query.get("last"), "1");
  EXPECT_EQ(query.get("none"), std::nullopt);
}

TEST(Query, DecodedViewsStayValidWhateverFollows) {
  const std::string text = "a=%41" + std::string(100, 'x') + "&b=%42" + std::string(100, 'y') + "&c=+";
  const Query query{text};
  EXPECT_EQ(query.get("a"), "A" + std::string(100, 'x'));
  EXPECT_EQ(query.get("b"), "B" + std::string(100, 'y'));
  EXPECT_EQ(query.get("c"), " ");
}

TEST(Query, RefusesBadEscapes) {
  for (const auto* text : {"a=%", "a=%4", "a=%4g", "a=%zz", "%=1", "a=1&b=%f"}) {
    EXPECT_TRUE(Query{text}.problem()) << text;
  }
}

TEST(Query, BoundsTheParameters) {
  std::string text;
  for (std::size_t i = 0; i < Query::parameters_max; ++i) text += "a=1&";
  EXPECT_FALSE(Query{text}.problem());
  EXPECT_TRUE(Query{text + "b=2"}.problem());
}

TEST(Query, NamesTheNearestKnownParameter) {
  const auto problem = Query{"orgin=CNSGH"}.check({"destination", "origin", "stats"});
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->kind.status, 400U);
  EXPECT_THAT(problem->detail, HasSubstr("'orgin'"));
  EXPECT_THAT(problem->detail, HasSubstr("'origin'"));
}

TEST(Query, RefusesWhatStandsTwice) {
  EXPECT_FALSE(Query{"a=1&b=1"}.check({"a", "b"}));
  EXPECT_TRUE(Query{"a=1&b=1&%61=2"}.check({"a", "b"}));
  EXPECT_TRUE(Query{"a=1"}.check({}));
  EXPECT_FALSE(Query{""}.check({}));
}

TEST(Query, CountsEdits) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("origin", "orgin"), 1U);
}

TEST(Query, ReadsPlainNumbersOnly) {
  EXPECT_EQ(parse_number("0"), 0U);
  EXPECT_EQ(parse_number("18446744073709551615"), UINT64_MAX);
  for (const auto* text : {"", "-1", "+1", " 1", "1 ", "1.0", "1e3", "18446744073709551616", "0x1"}) {
    EXPECT_EQ(parse_number(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace ratebook::api
