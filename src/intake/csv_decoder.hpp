// CSV (RFC 4180) to the builder, record by record as the bytes come: a header line with the four columns in any order,
// then a price a record. LF or CRLF; a byte order mark, blank lines and a missing last line end are fine. A record that
// cannot be read is an error of its own, and the check goes on at the next line.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "intake/builder.hpp"
#include "intake/window.hpp"

namespace ratebook::intake {

class CsvDecoder {
 public:
  explicit CsvDecoder(Builder& builder) : builder_(&builder) {}

  /// As JsonDecoder::decode.
  void decode(Window& window, bool last);

 private:
  static constexpr std::size_t columns_read_max = 32;

  struct Column {
    std::string_view text;  ///< without the quotes around it
    bool doubled = false;   ///< has doubled quotes in it
  };
  enum class Outcome : std::uint8_t { whole, cut, bad_quote };
  struct Record {
    Outcome outcome = Outcome::whole;
    const char* reached = nullptr;  ///< whole: the next record; else where reading stopped
    std::size_t count = 0;          ///< of fields; columns_ has the first columns_read_max
  };

  Record read(const char* at, const char* end, bool last);
  Outcome read_quoted(const char*& at, const char* end, bool last, Column& column);
  std::string_view plain(const Column& column, std::string& scratch) const;
  void submit(Window& window, const char* begin, const Record& record);
  void submit_unreadable(Window& window, const char* begin, std::string_view code, std::string message);
  void read_header(std::size_t count, std::uint64_t line);

  Builder* builder_;
  bool mark_may_stand_ = true;  ///< a byte order mark
  bool header_seen_ = false;
  bool skipping_ = false;  ///< to the next line's beginning
  std::array<std::uint8_t, field_count> field_of_column_{};
  std::array<Column, columns_read_max> columns_;
  std::array<std::string, field_count> scratch_;
  Item item_{};
};

}  // namespace ratebook::intake
