#include "cli/chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "cli/console.hpp"

namespace ratebook::cli {
namespace {

constexpr std::int32_t joined_days_max = 7;

/// Dots on a grid; a character of the chart holds 2 × 4 of them (braille) or one.
class Canvas {
 public:
  Canvas(unsigned columns, unsigned lines, bool unicode)
      : unicode_(unicode),
        dots_across_(unicode ? 2 : 1),
        dots_down_(unicode ? 4 : 1),
        columns_(columns),
        cells_(static_cast<std::size_t>(columns) * lines) {
    width_ = static_cast<int>(columns * dots_across_);
    height_ = static_cast<int>(lines * dots_down_);
  }

  int width() const { return width_; }    ///< dots
  int height() const { return height_; }  ///< dots

  void set(int x, int y) {
    // Unicode 15, block "Braille Patterns": the bit of each dot, by row and column.
    static constexpr unsigned char bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    const auto column = static_cast<unsigned>(x) / dots_across_;
    const auto line = static_cast<unsigned>(y) / dots_down_;
    auto& cell = cells_[line * columns_ + column];
    cell = static_cast<unsigned char>(
        cell | bits[static_cast<unsigned>(y) % dots_down_][static_cast<unsigned>(x) % dots_across_]);
  }

  /// Bresenham, 1965.
  void join(int x, int y, int to_x, int to_y) {
    const int across = std::abs(to_x - x);
    const int down = -std::abs(to_y - y);
    const int step_x = x < to_x ? 1 : -1;
    const int step_y = y < to_y ? 1 : -1;
    int error = across + down;
    while (true) {
      set(x, y);
      if (x == to_x && y == to_y) return;
      const int twice = 2 * error;
      if (twice >= down) {
        error += down;
        x += step_x;
      }
      if (twice <= across) {
        error += across;
        y += step_y;
      }
    }
  }

  std::string line(unsigned number) const {
    std::string text;
    for (unsigned column = 0; column < columns_; ++column) {
      const unsigned char cell = cells_[number * columns_ + column];
      if (cell == 0) {
        text += ' ';
      } else if (!unicode_) {
        text += '*';
      } else {  // U+2800 + bits, as UTF-8
        text += '\xE2';
        text += static_cast<char>(0xA0 | (cell >> 6));
        text += static_cast<char>(0x80 | (cell & 0x3F));
      }
    }
    return text.substr(0, text.find_last_not_of(' ') + 1);
  }

 private:
  bool unicode_;
  unsigned dots_across_;
  unsigned dots_down_;
  unsigned columns_;
  std::vector<unsigned char> cells_;
  int width_ = 0;
  int height_ = 0;
};

void plot(Canvas& canvas, std::span<const ChartPoint> points, double low, double high) {
  const double days = points.back().day.since_1970 - points.front().day.since_1970;
  const auto x_of = [&](Day day) {
    if (days == 0) return canvas.width() / 2;
    return static_cast<int>(
        std::lround((day.since_1970 - points.front().day.since_1970) / days * (canvas.width() - 1)));
  };
  const auto y_of = [&](double value) {
    if (high == low) return canvas.height() / 2;
    return static_cast<int>(std::lround((high - value) / (high - low) * (canvas.height() - 1)));
  };
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto& to = points[i];
    const auto& from =
        i > 0 && to.day.since_1970 - points[i - 1].day.since_1970 <= joined_days_max ? points[i - 1] : to;
    canvas.join(x_of(from.day), y_of(from.value), x_of(to.day), y_of(to.value));
  }
}

}  // namespace

std::string render_chart(std::span<const ChartPoint> points, const ChartStyle& style) {
  if (points.empty()) return {};
  const auto [lowest, highest] = std::ranges::minmax_element(points, {}, &ChartPoint::value);
  const double low = lowest->value;
  const double high = highest->value;
  const int decimals = high - low < 10 ? 2 : 0;
  const std::string labels[] = {grouped(high, decimals), grouped((high + low) / 2, decimals), grouped(low, decimals)};
  const std::size_t label_columns = std::ranges::max(labels, {}, &std::string::size).size();
  const unsigned lines = std::max(style.height, 3u);
  const unsigned columns = std::max(style.width, 40u) - static_cast<unsigned>(label_columns) - 2;
  Canvas canvas{columns, lines, style.unicode};
  plot(canvas, points, low, high);

  std::string result;
  for (unsigned line = 0; line < lines; ++line) {
    const bool is_flat = high == low;
    std::string label;
    if (line == 0 && !is_flat) label = labels[0];
    if (line == lines / 2) label = labels[1];
    if (line + 1 == lines && !is_flat) label = labels[2];
    const std::string_view axis = style.unicode ? (label.empty() ? "│" : "┤") : "|";
    result += fmt::format("{:>{}} {}{}\n", label, label_columns, axis, canvas.line(line));
  }
  std::string axis;
  for (unsigned column = 0; column < columns; ++column) axis += style.unicode ? "─" : "-";
  result += fmt::format("{:>{}} {}{}\n", "", label_columns, style.unicode ? "└" : "+", axis);
  const std::string first = format_day(points.front().day);
  const std::string last = format_day(points.back().day);
  result += std::string(label_columns + 2, ' ') + first;
  if (first != last) result += std::string(columns - first.size() - last.size(), ' ') + last;
  return result + '\n';
}

}  // namespace ratebook::cli
