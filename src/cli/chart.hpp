// A small line chart made of characters: values over days.
#pragma once
#include <span>
#include <string>

#include "model/day.hpp"

namespace ratebook::cli {

struct ChartPoint {
  Day day;
  double value = 0;
};

struct ChartStyle {
  unsigned width = 80;  ///< columns of the whole chart, at least 40 are used
  unsigned height = 8;  ///< lines of the plot, at least 3
  bool unicode = true;  ///< braille, eight dots a character; otherwise '*'
};

/// Lines, each ended: the plot with its scale, the axis, the first and the last day. `points` ascend by day. Points up
/// to a week apart are joined, a longer gap stays open. Empty for no points.
std::string render_chart(std::span<const ChartPoint> points, const ChartStyle& style);

}  // namespace ratebook::cli
