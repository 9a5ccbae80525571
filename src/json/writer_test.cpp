// JSON as it is written.
#include "json/writer.hpp"

#include <gtest/gtest.h>

namespace ratebook::json {
namespace {

using namespace std::string_literals;

std::string text_of(std::string_view text) {
  std::string out;
  append_string(out, text);
  return out;
}

TEST(Json, EscapesWhatJsonForbidsAndKeepsTheRest) {
  EXPECT_EQ(text_of("plain"), "\"plain\"");
  EXPECT_EQ(text_of(""), "\"\"");
  EXPECT_EQ(text_of("a\"b\\c\n\r\t\x01\x1f"s), R"("a\"b\\c\n\r\t\u0001\u001f")");
  EXPECT_EQ(text_of("Zürich €𝄞"), "\"Zürich €𝄞\"");
  EXPECT_EQ(text_of("\0"s), R"("\u0000")");
}

TEST(Json, MendsWhatIsNoUtf8) {
  EXPECT_EQ(text_of("\xff"), R"("\ufffd")");
  EXPECT_EQ(text_of("a\xc3"), R"("a\ufffd")");                              // cut short
  EXPECT_EQ(text_of("\xc0\xaf"), R"("\ufffd\ufffd")");                      // overlong
  EXPECT_EQ(text_of("\xed\xa0\x80"), R"("\ufffd\ufffd\ufffd")");            // a surrogate
  EXPECT_EQ(text_of("\xf4\x90\x80\x80"), R"("\ufffd\ufffd\ufffd\ufffd")");  // beyond U+10FFFF
}

TEST(Json, ObjectsInAListStandOnLinesOfTheirOwn) {
  const auto list = [](const std::vector<int>& items) {
    std::string out;
    append_objects(out, items, [](Object& one, int item) {
      one.number("n", item);
      one.text_or_null("t", item == 1 ? "" : "x");
    });
    return out;
  };
  EXPECT_EQ(list({}), "[]");
  EXPECT_EQ(list({1, 2}), "[\n{\"n\":1,\"t\":null},\n{\"n\":2,\"t\":\"x\"}\n]");
}

}  // namespace
}  // namespace ratebook::json
