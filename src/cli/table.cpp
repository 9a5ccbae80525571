#include "cli/table.hpp"

#include <algorithm>

namespace ratebook::cli {
namespace {

constexpr std::size_t gap_columns = 2;

}  // namespace

void Table::add(std::vector<Cell> row) {
  for (auto& cell : row) cell.text = printable(cell.text);
  rows_.push_back(std::move(row));
}

std::string Table::text(const Console& console) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = columns(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, columns(row[i].text));
    widths.push_back(width);
  }
  std::string result;
  const auto line = [&](const auto& cell_at) {
    std::size_t blanks = 0;  // that stand before the next cell: those at a line's end are never written
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const Cell& cell = cell_at(i);
      const std::size_t padding = widths[i] - columns(cell.text);
      if (columns_[i].is_number) blanks += padding;
      if (!cell.text.empty()) {
        result.append(blanks, ' ');
        result += styled(console, cell.style, cell.text);
        blanks = 0;
      }
      if (!columns_[i].is_number) blanks += padding;
      blanks += gap_columns;
    }
    result += '\n';
  };
  std::vector<Cell> titles;
  for (const auto& column : columns_) titles.push_back({column.title, Style::dim});
  line([&](std::size_t i) -> const Cell& { return titles[i]; });
  for (const auto& row : rows_) line([&](std::size_t i) -> const Cell& { return row[i]; });
  return result;
}

}  // namespace ratebook::cli
