#include "cli/console.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "cli/progress.hpp"
#include "cli/table.hpp"
#include "model/places.hpp"

namespace ratebook::cli {
namespace {

TEST(Printable, takes_the_teeth_out_of_what_others_wrote) {
  EXPECT_EQ(printable("Göteborg 上海"), "Göteborg 上海");
  EXPECT_EQ(printable("a\x1b[31mb\n\r\t\x7f"), "a?[31mb????");
  EXPECT_EQ(printable("csi \xC2\x9B 31m"), "csi ? 31m");
  EXPECT_EQ(printable("bad \xFF\xC3"), "bad ??");
}

TEST(Printable, nothing_a_terminal_acts_on_is_left) {
  EXPECT_TRUE(rc::check([](const std::string& text) {
    const std::string result = printable(text);
    RC_ASSERT(is_utf8(result));
    for (const char c : result) RC_ASSERT(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    RC_ASSERT(printable(result) == result);
  }));
}

TEST(Grouped, separates_thousands) {
  EXPECT_EQ(grouped(std::uint64_t{0}), "0");
  EXPECT_EQ(grouped(std::uint64_t{999}), "999");
  EXPECT_EQ(grouped(std::uint64_t{56689}), "56,689");
  EXPECT_EQ(grouped(std::uint64_t{10000000}), "10,000,000");
  EXPECT_EQ(grouped(1154.335, 2), "1,154.34");
  EXPECT_EQ(grouped(-123456.0, 0), "-123,456");
}

TEST(Columns, counts_characters) {
  EXPECT_EQ(columns("abc"), 3u);
  EXPECT_EQ(columns("Gdańsk"), 6u);
}

Console plain() { return {.out = {}, .err = {}, .out_is_terminal = false, .err_is_terminal = false}; }

TEST(Table, numbers_stand_to_the_right_and_lines_end_without_blanks) {
  Table table{{{"port"}, {"prices", true}, {"note"}}};
  table.add({{"Gdańsk"}, {"1,000"}, {""}});
  table.add({{"Oslo"}, {"7"}, {"few\x1b"}});
  EXPECT_EQ(table.text(plain()),
            "port    prices  note\n"
            "Gdańsk   1,000\n"
            "Oslo         7  few?\n");
}

TEST(Table, colours_do_not_move_columns) {
  Console console = plain();
  console.colour = true;
  Table table{{{"status"}, {"n", true}}};
  table.add({{"ok", Style::green}, {"1"}});
  EXPECT_EQ(table.text(console), "\x1b[2mstatus\x1b[0m  \x1b[2mn\x1b[0m\n\x1b[32mok\x1b[0m      1\n");
}

TEST(ProgressLine, shows_how_much_is_sent) {
  Console console = plain();
  console.unicode = true;
  console.width = 60;
  EXPECT_EQ(progress_line(console, "sending", 5'000'000, 20'000'000, std::chrono::milliseconds{1000}),
            "sending ████░░░░░░░░░░░░░░  25 %  5.0 of 20.0 MB  5.0 MB/s");
  console.unicode = false;
  EXPECT_EQ(progress_line(console, "sending", 0, 20'000'000, std::chrono::milliseconds{0}),
            "sending ............................   0 %  0.0 of 20.0 MB");
}

TEST(ProgressLine, is_never_wider_than_the_terminal) {
  Console console = plain();
  for (console.width = 20; console.width < 200; ++console.width) {
    EXPECT_LT(columns(progress_line(console, "sending", 123'456'789, 987'654'321, std::chrono::milliseconds{12'345})),
              console.width);
  }
}

TEST(Progress, writes_over_its_line_and_clears_it) {
  Console console = plain();
  std::string err;
  console.err = [&](std::string_view text) { err += text; };
  console.err_is_terminal = true;
  std::chrono::milliseconds now{0};
  {
    Progress progress{console, [&] { return now; }};
    progress.waiting("waiting");
    now += std::chrono::milliseconds{500};
    progress.waiting("waiting");  // nothing new to say
    now += std::chrono::milliseconds{600};
    progress.waiting("waiting");
  }
  EXPECT_EQ(err, "\rwaiting\x1b[K\rwaiting 1 s\x1b[K\r\x1b[K");
}

TEST(Progress, is_silent_where_messages_go_to_a_file) {
  Console console = plain();
  std::string err;
  console.err = [&](std::string_view text) { err += text; };
  {
    Progress progress{console, [] { return std::chrono::milliseconds{0}; }};
    progress.sent(1, 2);
    progress.waiting("waiting");
  }
  EXPECT_EQ(err, "");
}

}  // namespace
}  // namespace ratebook::cli
