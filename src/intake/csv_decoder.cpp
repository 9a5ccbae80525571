// A record is read as a whole before anything of it is told to the builder: one that is cut is read again when more
// bytes are there, and how the body is cut into pieces changes nothing.
#include "intake/csv_decoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "intake/error_codes.hpp"
#include "intake/shown.hpp"
#include "intake/unit.hpp"

namespace ratebook::intake {
namespace {

using Shape = FieldValue::Shape;

/// Bytes at which a plain field's run ends; '\0' since it stands at the end.
constexpr std::array<bool, 256> ends_run = [] {
  std::array<bool, 256> table{};
  for (const char c : {'\0', '\n', ',', '"'}) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

const char* find(const char* at, const char* end, char c) {
  return static_cast<const char*>(std::memchr(at, c, static_cast<std::size_t>(end - at)));
}

}  // namespace

void CsvDecoder::decode(Window& window, bool last) {
  if (mark_may_stand_ && !window.skip_mark(last, mark_may_stand_)) return;
  if (skipping_) skipping_ = !window.skip_line();
  if (skipping_) return;
  while (window.size() > 0) {
    const char* begin = window.begin();
    const Record record = read(begin, window.end(), last);
    const bool too_long = static_cast<std::size_t>(record.reached - begin) > unit_bytes_max;
    if (record.outcome == Outcome::whole && !too_long) {
      submit(window, begin, record);
      window.take(record.reached);
    } else if (record.outcome == Outcome::cut && !too_long) {
      return;
    } else {
      if (too_long) {
        submit_unreadable(window, begin, code::line_too_long,
                          fmt::format("the record is longer than {} bytes; a quote may be open", unit_bytes_max));
      } else {
        submit_unreadable(window, begin, code::bad_quote,
                          "a quote stands where none may; put the whole field between quotes, and double those in it");
      }
      if (!builder_->stopped()) skipping_ = !window.skip_line();
    }
    if (skipping_ || builder_->stopped()) return;
  }
  if (last && !header_seen_) {
    builder_->report_whole(1, "", code::empty, "the body is empty; send a header line, then a price a line");
  }
}

CsvDecoder::Record CsvDecoder::read(const char* at, const char* end, bool last) {
  Column spare;
  for (std::size_t count = 1;; ++count) {
    Column& column = count <= columns_read_max ? columns_[count - 1] : spare;
    if (*at == '"') {
      if (const auto outcome = read_quoted(at, end, last, column); outcome != Outcome::whole) return {outcome, at, 0};
    } else {
      const char* begin = at;
      while (!ends_run[static_cast<unsigned char>(*at)] || (*at == '\0' && at != end)) ++at;
      if (*at == '"') return {Outcome::bad_quote, at, 0};
      column = {{begin, static_cast<std::size_t>(at - begin)}, false};
      const bool line_ends = *at == '\n' || at == end;
      if (line_ends && column.text.ends_with('\r')) column.text.remove_suffix(1);
    }
    if (at == end) return {last ? Outcome::whole : Outcome::cut, at, count};
    if (*at++ == '\n') return {Outcome::whole, at, count};
  }
}

/// `at` goes from the opening quote to what follows the closing one and a '\r' before a line end: ',', '\n' or the end.
CsvDecoder::Outcome CsvDecoder::read_quoted(const char*& at, const char* end, bool last, Column& column) {
  const char* begin = at + 1;
  column.doubled = false;
  const char* quote = begin;
  while (true) {
    quote = find(quote, end, '"');
    if (quote == nullptr) {
      at = end;
      return last ? Outcome::bad_quote : Outcome::cut;
    }
    if (quote[1] != '"') break;
    column.doubled = true;
    quote += 2;
  }
  column.text = {begin, static_cast<std::size_t>(quote - begin)};
  at = quote + 1;
  if (*at == '\r' && (at + 1 == end || at[1] == '\n')) ++at;
  return at == end || *at == ',' || *at == '\n' ? Outcome::whole : Outcome::bad_quote;
}

std::string_view CsvDecoder::plain(const Column& column, std::string& scratch) const {
  if (!column.doubled) return column.text;
  scratch.clear();
  for (std::size_t i = 0; i < column.text.size(); ++i) {
    scratch.push_back(column.text[i]);
    if (column.text[i] == '"') ++i;
  }
  return scratch;
}

void CsvDecoder::submit(Window& window, const char* begin, const Record& record) {
  const bool blank = record.count == 1 && columns_[0].text.empty() && *begin != '"';
  if (blank) return;
  if (!header_seen_) return read_header(record.count, window.place_of(begin).line);
  if (record.count != field_count) {
    return submit_unreadable(window, begin, code::wrong_field_count,
                             fmt::format("the record has {} field{}; give {}, as the header does", record.count,
                                         record.count == 1 ? "" : "s", field_count));
  }
  for (std::size_t i = 0; i < field_count; ++i) {
    const std::size_t field = field_of_column_[i];
    const std::string_view text = plain(columns_[i], scratch_[i]);
    item_[field] = {text, text.empty() ? Shape::missing : Shape::text};
  }
  if (builder_->add(item_) == Builder::Verdict::wrong) builder_->explain(item_, window.place_of(begin).line);
}

void CsvDecoder::submit_unreadable(Window& window, const char* begin, std::string_view code, std::string message) {
  const std::uint64_t line = window.place_of(begin).line;
  if (!header_seen_) {
    builder_->report_whole(line, "", code, std::move(message));
    builder_->stop(Refused::Kind::malformed, fmt::format("the header line {} cannot be read", line));
  } else if (builder_->add_unreadable() == Builder::Verdict::wrong) {
    builder_->report_item(line, "", code, std::move(message));
  }
}

// Without all four columns, each once, no line below says anything: the check ends.
void CsvDecoder::read_header(std::size_t count, std::uint64_t line) {
  header_seen_ = true;
  std::array<bool, field_count> seen{};
  bool good = true;
  const auto report = [&](std::string_view name, std::string_view code, std::string message) {
    good = false;
    builder_->report_whole(line, name, code, std::move(message));
  };
  std::string scratch;
  for (std::size_t i = 0; i < std::min(count, columns_read_max); ++i) {
    const std::string_view text = plain(columns_[i], scratch);
    const std::string name = shown(text);
    const auto field = find_field(text);
    if (!field) {
      report(name, code::unknown_column,
             fmt::format("'{}' is no column of a price; name orig_code, dest_code, day and price", name));
    } else if (std::exchange(seen[static_cast<std::size_t>(*field)], true)) {
      report(name, code::repeated_column, fmt::format("the column '{}' stands more than once; keep one", name));
    } else if (i < field_count) {
      field_of_column_[i] = static_cast<std::uint8_t>(*field);
    }
  }
  if (count > columns_read_max) {
    report("", code::unknown_column, fmt::format("the header has {} columns; a price has {}", count, field_count));
  }
  for (std::size_t i = 0; i < field_count; ++i) {
    if (seen[i]) continue;
    report(field_names[i], code::missing_column, fmt::format("the header has no column '{}'; add it", field_names[i]));
  }
  if (!good) builder_->stop(Refused::Kind::invalid, "the header line does not name the columns of a price");
}

}  // namespace ratebook::intake
