// A table for people: columns as wide as they must be, numbers to the right.
#pragma once
#include <string>
#include <vector>

#include "cli/console.hpp"

namespace ratebook::cli {

struct Cell {
  std::string text;
  Style style = Style::plain;
};

class Table {
 public:
  struct Column {
    std::string title;
    bool is_number = false;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// One cell a column. Texts are made printable here.
  void add(std::vector<Cell> row);
  /// Lines, each ended; no blanks at the end of a line.
  std::string text(const Console& console) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace ratebook::cli
