// A unit is scanned as a whole before anything of it is told to the builder: a unit that is cut is scanned again when
// more bytes are there, and how the body is cut into pieces changes nothing.
#include "intake/json_decoder.hpp"

#include <fmt/format.h>

#include "intake/error_codes.hpp"
#include "intake/shown.hpp"
#include "intake/unit.hpp"

namespace ratebook::intake {
namespace {

using Shape = FieldValue::Shape;

}  // namespace

void JsonDecoder::decode(Window& window, bool last) {
  if (mark_may_stand_ && !window.skip_mark(last, mark_may_stand_)) return;
  JsonScanner scanner{window.begin(), window.end()};
  while (true) {
    scanner.skip_blanks();
    const char* unit = scanner.at();
    window.take(unit);
    if (scanner.at_end() && (!last || expect_ == Expect::end)) return;
    const bool whole = scan(scanner);
    const char* reached = whole ? scanner.at() : scanner.stopped_at();
    if (static_cast<std::size_t>(reached - unit) > unit_bytes_max) return stop_too_long(window);
    if (!whole && scanner.ends_early() && !last) return;
    if (!whole) return stop_at(window, scanner);
    submit(window, unit);
    if (builder_->stopped()) return;
    expect_ = expect_next_;
  }
}

bool JsonDecoder::scan(JsonScanner& scanner) {
  unit_ = Unit::punctuation;
  const auto take = [&](char c, std::string_view expected, Expect next) {
    expect_next_ = next;
    return scanner.take(c, expected);
  };
  switch (expect_) {
    case Expect::begin:
      return take('{', "'{'", Expect::first_key);
    case Expect::first_key:
      if (scanner.peek() == '}') return take('}', "'}'", Expect::end);
      return scan_member(scanner);
    case Expect::key:
      return scan_member(scanner);
    case Expect::first_item:
      if (scanner.peek() == ']') return take(']', "']'", Expect::after_member);
      return scan_item(scanner);
    case Expect::item:
      return scan_item(scanner);
    case Expect::after_item:
      if (scanner.peek() == ',') return take(',', "','", Expect::item);
      return take(']', "',' or ']'", Expect::after_member);
    case Expect::after_member:
      if (scanner.peek() == ',') return take(',', "','", Expect::key);
      return take('}', "',' or '}'", Expect::end);
    case Expect::end:
      break;
  }
  return scanner.stop("nothing after the batch");
}

bool JsonDecoder::scan_item(JsonScanner& scanner) {
  unit_ = Unit::item;
  expect_next_ = Expect::after_item;
  return item_.scan(scanner);
}

bool JsonDecoder::scan_member(JsonScanner& scanner) {
  unit_ = Unit::member;
  expect_next_ = Expect::after_member;
  if (!scan_text(scanner, key_scratch_, key_)) return false;
  scanner.skip_blanks();
  if (!scanner.take(':', "':'")) return false;
  scanner.skip_blanks();
  if (key_.text == "prices" && scanner.peek() == '[') {
    unit_ = Unit::opened_prices;
    expect_next_ = Expect::first_item;
    return scanner.take('[', "'['");
  }
  return scan_value(scanner, value_scratch_, value_);
}

void JsonDecoder::submit(Window& window, const char* unit) {
  switch (unit_) {
    case Unit::punctuation:
      return;
    case Unit::item:
      if (item_.add_to(*builder_) == Builder::Verdict::wrong) item_.explain_to(*builder_, window.place_of(unit).line);
      return;
    case Unit::member:
      return submit_member(window.place_of(unit).line);
    case Unit::opened_prices:
      if (prices_seen_) {
        builder_->report_whole(window.place_of(unit).line, "prices", code::repeated_field,
                               "'prices' stands more than once; put all of them into one list");
      }
      prices_seen_ = true;
  }
}

void JsonDecoder::submit_member(std::uint64_t line) {
  const std::string name = shown(key_.text);
  const bool readable = key_.shape == Shape::text && is_utf8(key_.text);
  if (key_.text == "source") {
    if (!source_seen_) {
      builder_->set_source(value_, line);
    } else {
      builder_->report_whole(line, name, code::repeated_field, "'source' stands more than once; keep one");
    }
    source_seen_ = true;
  } else if (key_.text == "prices") {
    builder_->report_whole(line, name, code::wrong_type,
                           fmt::format("'prices' is {}; give a list of prices", shown(value_.text)));
    prices_seen_ = true;
  } else if (readable) {
    builder_->report_whole(line, name, code::unknown_field,
                           fmt::format("'{}' is no field of a batch; it has 'source' and 'prices'", name));
  } else {
    builder_->report_whole(line, name, code::bad_utf8,
                           fmt::format("the name '{}' is not UTF-8; send the body in that encoding", name));
  }
}

void JsonDecoder::stop_at(Window& window, const JsonScanner& scanner) {
  const auto [byte, line, column] = window.place_of(scanner.stopped_at());
  const std::string where = fmt::format("line {}, column {} (byte {})", line, column, byte);
  builder_->stop(Refused::Kind::malformed,
                 scanner.ends_early()
                     ? fmt::format("the body ends at {}, where {} should follow", where, scanner.expected())
                     : fmt::format("{}: {} stands where {} should", where, found(scanner), scanner.expected()));
}

void JsonDecoder::stop_too_long(Window& window) {
  const auto [byte, line, column] = window.place_of(window.begin());
  builder_->stop(Refused::Kind::too_large,
                 fmt::format("what begins at line {}, column {} (byte {}) is longer than {} bytes, more than a price "
                             "or a source may take",
                             line, column, byte, unit_bytes_max));
}

}  // namespace ratebook::intake
