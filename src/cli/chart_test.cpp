#include "cli/chart.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <vector>

#include "cli/console.hpp"

namespace ratebook::cli {
namespace {

std::vector<ChartPoint> points(std::initializer_list<std::pair<int, double>> days) {
  std::vector<ChartPoint> result;
  for (const auto& [day, value] : days) result.push_back({Day{day}, value});
  return result;
}

TEST(Chart, joins_points_with_braille) {
  EXPECT_EQ(render_chart(points({{0, 1}, {2, 3}, {4, 2}}), {.width = 40, .height = 4}),
            "3.00 ┤             ⢀⡠⠔⠊⠉⠑⠒⠢⠤⢄⣀⡀\n"
            "     │        ⢀⣀⠤⠒⠉⠁          ⠈⠉⠑⠒⠢⠤⢄⣀⡀\n"
            "2.00 ┤    ⣀⡠⠔⠊⠁                       ⠈⠉\n"
            "1.00 ┤⣀⠤⠒⠉\n"
            "     └──────────────────────────────────\n"
            "      1970-01-01              1970-01-05\n");
}

TEST(Chart, is_plain_where_there_is_no_unicode) {
  EXPECT_EQ(render_chart(points({{0, 1000}, {2, 3000}, {4, 2000}}), {.width = 40, .height = 4, .unicode = false}),
            "3,000 |              ******\n"
            "      |        ******      ********\n"
            "2,000 |   *****                    *****\n"
            "1,000 |***\n"
            "      +---------------------------------\n"
            "       1970-01-01             1970-01-05\n");
}

TEST(Chart, leaves_a_gap_of_more_than_a_week_open) {
  EXPECT_EQ(render_chart(points({{0, 10}, {1, 20}, {20, 20}, {21, 10}}), {.width = 40, .height = 4}),
            "20 ┤ ⡸                                ⢇\n"
            "   │ ⡇                                ⢸\n"
            "15 ┤⢸                                  ⡇\n"
            "10 ┤⡎                                  ⢱\n"
            "   └────────────────────────────────────\n"
            "    1970-01-01                1970-01-22\n");
}

TEST(Chart, a_flat_line_has_one_label) {
  EXPECT_EQ(render_chart(points({{0, 10}, {5, 10}}), {.width = 40, .height = 3, .unicode = false}),
            "      |\n"
            "10.00 |*********************************\n"
            "      |\n"
            "      +---------------------------------\n"
            "       1970-01-01             1970-01-06\n");
}

TEST(Chart, of_nothing_is_nothing) { EXPECT_EQ(render_chart({}, {}), ""); }

TEST(Chart, is_never_wider_than_it_may_be) {
  EXPECT_TRUE(rc::check([](std::vector<std::uint32_t> values, bool unicode) {
    const auto width = *rc::gen::inRange(40u, 200u);
    const auto height = *rc::gen::inRange(3u, 20u);
    std::vector<ChartPoint> series;
    int day = 0;
    for (const auto value : values) {
      day += 1 + static_cast<int>(value % 11);
      series.push_back({Day{day}, static_cast<double>(value) / 100});
    }
    const std::string chart = render_chart(series, {.width = width, .height = height, .unicode = unicode});
    RC_ASSERT(std::ranges::count(chart, '\n') == (series.empty() ? 0 : static_cast<int>(height) + 2));
    for (std::size_t at = 0; at < chart.size();) {
      const auto end = chart.find('\n', at);
      RC_ASSERT(columns(chart.substr(at, end - at)) <= width);
      at = end + 1;
    }
  }));
}

}  // namespace
}  // namespace ratebook::cli
