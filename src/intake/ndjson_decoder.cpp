// A line is looked at only when it is there as a whole: how the body is cut into pieces changes nothing.
#include "intake/ndjson_decoder.hpp"

#include <fmt/format.h>

#include "intake/error_codes.hpp"
#include "intake/unit.hpp"

namespace ratebook::intake {

void NdjsonDecoder::decode(Window& window, bool last) {
  if (mark_may_stand_ && !window.skip_mark(last, mark_may_stand_)) return;
  if (skipping_) skipping_ = !window.skip_line();
  if (skipping_) return;
  while (window.size() > 0 && !builder_->stopped()) {
    const char* begin = window.begin();
    const char* line_end = window.find_line_end();
    const char* end = line_end != nullptr ? line_end : window.end();
    if (static_cast<std::size_t>(end - begin) > unit_bytes_max) {
      refuse_line(window, begin, code::line_too_long,
                  fmt::format("the line is longer than {} bytes; write one price object a line", unit_bytes_max));
      skipping_ = !window.skip_line();
      if (skipping_) return;
      continue;
    }
    if (line_end == nullptr && !last) return;
    read_line(window, begin, end);
    window.take(line_end != nullptr ? line_end + 1 : end);
  }
}

void NdjsonDecoder::read_line(Window& window, const char* begin, const char* end) {
  const Window::Stop stop{window, end};
  JsonScanner scanner{begin, end};
  scanner.skip_blanks();
  if (scanner.at_end()) return;
  // A value of another kind is no item of the wrong type here: the line shows that the format is another one.
  bool whole = scanner.peek() == '{' ? item_.scan(scanner) : scanner.stop("'{'");
  if (whole) scanner.skip_blanks();
  if (whole && !scanner.at_end()) whole = scanner.stop("the end of the line");
  if (!whole) return refuse_broken(window, begin, scanner);
  if (item_.add_to(*builder_) == Builder::Verdict::wrong) item_.explain_to(*builder_, window.place_of(begin).line);
}

void NdjsonDecoder::refuse_broken(Window& window, const char* begin, const JsonScanner& scanner) {
  const auto column = scanner.stopped_at() - begin + 1;
  refuse_line(window, begin, code::bad_line,
              scanner.ends_early()
                  ? fmt::format("the line ends where {} should follow; write each price object on one line, whole",
                                scanner.expected())
                  : fmt::format("column {}: {} stands where {} should; write one price object a line", column,
                                found(scanner), scanner.expected()));
}

void NdjsonDecoder::refuse_line(Window& window, const char* begin, std::string_view code, std::string message) {
  if (builder_->add_unreadable() != Builder::Verdict::wrong) return;
  builder_->report_item(window.place_of(begin).line, "", code, std::move(message));
}

}  // namespace ratebook::intake
