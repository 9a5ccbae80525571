#include "api/headers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/testing.hpp"

namespace ratebook::api {
namespace {

using ::testing::Contains;
using ::testing::Pair;

http::Request request_with(std::vector<std::pair<std::string_view, std::string_view>> headers) {
  http::Request request;
  request.method_ = "GET";
  request.headers_ = std::move(headers);
  return request;
}

TEST(Headers, NameTheVersionAndWhenItWasConfirmed) {
  http::Response response;
  add_view_headers({testing::book_of(44), 1'606'121'093'120, true}, response);
  EXPECT_THAT(response.headers, Contains(Pair("Ratebook-Version", "44")));
  EXPECT_THAT(response.headers, Contains(Pair("Ratebook-Confirmed-At", "2020-11-23T08:44:53.120Z")));
}

TEST(Headers, ConfirmedAtReadsAsFormatTimeHasIt) {
  for (const WallTime time : {1LL, 999LL, 86'399'999LL, 86'400'000LL, 951'782'400'000LL, 4'102'444'799'999LL}) {
    http::Response response;
    add_view_headers({testing::book_of(1), time, true}, response);
    EXPECT_THAT(response.headers, Contains(Pair("Ratebook-Confirmed-At", format_time(time))));
  }
}

TEST(Headers, EntityTagIsTheVersionTagInQuotes) {
  const Digest chain = sha256("chain");
  EXPECT_EQ(entity_tag(44, chain), '"' + version_tag(44, chain) + '"');
  EXPECT_EQ(entity_tag(0, Digest{}), "\"0-00000000\"");
}

TEST(Headers, ComparesTagsAsTheRfcHasIt) {
  const std::string tag = "\"44-9f3a01c2\"";
  using enum Comparison;
  for (const auto* list : {"\"44-9f3a01c2\"", "*", " * ", "\"1-0\", \"44-9f3a01c2\"", "\"1-0\" ,\t\"44-9f3a01c2\" "}) {
    EXPECT_TRUE(names_tag(list, tag, weak)) << list;
    EXPECT_TRUE(names_tag(list, tag, strong)) << list;
  }
  EXPECT_TRUE(names_tag("W/\"44-9f3a01c2\"", tag, weak));
  EXPECT_FALSE(names_tag("W/\"44-9f3a01c2\"", tag, strong));
  for (const auto* list : {"", "44-9f3a01c2", "\"44-9f3a01c3\"", "\"144-9f3a01c2\"", "w/\"44-9f3a01c2\"", "\"*\""}) {
    EXPECT_FALSE(names_tag(list, tag, weak)) << list;
    EXPECT_FALSE(names_tag(list, tag, strong)) << list;
  }
}

TEST(Headers, NotModifiedCarriesTheTag) {
  http::Response response;
  EXPECT_FALSE(answer_not_modified(request_with({}), "\"1-a\"", response));
  EXPECT_TRUE(response.headers.empty());
  EXPECT_TRUE(answer_not_modified(request_with({{"If-None-Match", "W/\"1-a\""}}), "\"1-a\"", response));
  EXPECT_EQ(response.status, 304U);
  EXPECT_THAT(response.headers, Contains(Pair("ETag", "\"1-a\"")));
}

TEST(Headers, MinVersionIsAVersionOrAnError) {
  EXPECT_EQ(min_version(request_with({})), Version{0});
  EXPECT_EQ(min_version(request_with({{"ratebook-min-version", "44"}})), Version{44});
  for (const auto* text : {"", "x", "-1", "1.5", "44-9f3a01c2"}) {
    EXPECT_FALSE(min_version(request_with({{"Ratebook-Min-Version", text}}))) << text;
  }
}

TEST(Headers, PreferredWaitIsBounded) {
  using std::chrono::seconds;
  const auto wait = [](std::string_view prefer) {
    return preferred_wait(request_with({{"Prefer", prefer}}), seconds{10}, seconds{60});
  };
  EXPECT_EQ(preferred_wait(request_with({}), seconds{10}, seconds{60}), seconds{10});
  EXPECT_EQ(wait("wait=5"), seconds{5});
  EXPECT_EQ(wait("wait=0"), seconds{0});
  EXPECT_EQ(wait("respond-async, WAIT = \"7\"; a=b"), seconds{7});
  EXPECT_EQ(wait("wait=61"), seconds{60});
  EXPECT_EQ(wait("wait=18446744073709551615"), seconds{60});
  EXPECT_EQ(wait("wait=-1"), seconds{10});
  EXPECT_EQ(wait("wait"), seconds{10});
  EXPECT_EQ(wait("return=minimal"), seconds{10});
}

TEST(Headers, MediaTypeLeavesParametersAndCaseBehind) {
  EXPECT_EQ(media_type("Text/CSV ; charset=utf-8"), "text/csv");
  EXPECT_EQ(media_type("application/json"), "application/json");
  EXPECT_EQ(media_type(""), "");
}

}  // namespace
}  // namespace ratebook::api
