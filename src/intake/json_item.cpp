#include "intake/json_item.hpp"

#include <fmt/format.h>

#include "intake/error_codes.hpp"
#include "intake/shown.hpp"

namespace ratebook::intake {
namespace {

using Shape = FieldValue::Shape;

}  // namespace

bool JsonItem::scan(JsonScanner& scanner) {
  item_ = {};
  extras_.clear();
  extra_count_ = 0;
  is_object_ = scanner.peek() == '{';
  if (!is_object_) return scanner.any_value(text_);
  if (!scanner.take('{', "'{'")) return false;
  scanner.skip_blanks();
  if (scanner.peek() == '}') return scanner.take('}', "'}'");
  while (true) {
    if (!scan_member(scanner)) return false;
    scanner.skip_blanks();
    if (scanner.peek() == '}') return scanner.take('}', "'}'");
    if (!scanner.take(',', "',' or '}'")) return false;
    scanner.skip_blanks();
  }
}

bool JsonItem::scan_member(JsonScanner& scanner) {
  JsonScanner::String key;
  if (!scanner.string(key)) return false;
  scanner.skip_blanks();
  if (!scanner.take(':', "':'")) return false;
  scanner.skip_blanks();
  auto field = find_field(key.raw);
  if (!field && key.escaped && unescape(key.raw, key_scratch_)) field = find_field(key_scratch_);
  if (!field) {
    note_extra(key);
    std::string_view skipped;
    return scanner.any_value(skipped);
  }
  const auto index = static_cast<std::size_t>(*field);
  FieldValue& value = item_[index];
  const bool repeated = value.shape != Shape::missing;
  if (!scan_value(scanner, scratch_[index], value)) return false;
  if (repeated) value.shape = Shape::repeated;
  return true;
}

void JsonItem::note_extra(const JsonScanner::String& key) {
  if (extra_count_++ >= errors_listed_max) return;
  bool readable = is_utf8(key.raw);
  std::string name{key.raw};
  if (key.escaped) readable = unescape(key.raw, name) && readable;
  extras_.push_back({shown(name), readable});
}

Builder::Verdict JsonItem::add_to(Builder& builder) {
  const bool fields_only = is_object_ && extra_count_ == 0;
  return fields_only ? builder.add(item_) : builder.add_unreadable();
}

void JsonItem::explain_to(Builder& builder, std::uint64_t line) const {
  if (!is_object_) {
    builder.report_item(
        line, "", code::wrong_type,
        fmt::format("the item is {}; give an object with orig_code, dest_code, day and price", shown(text_)));
    return;
  }
  builder.explain(item_, line);
  for (std::uint64_t i = 0; i < extra_count_; ++i) {
    if (i >= extras_.size()) {
      builder.report_item(line, "", code::unknown_field, "");  // only counted: the list is full
    } else if (const auto& [name, readable] = extras_[i]; readable) {
      builder.report_item(line, name, code::unknown_field, fmt::format("'{}' is no field of a price; drop it", name));
    } else {
      builder.report_item(line, name, code::bad_utf8,
                          fmt::format("the name '{}' is not UTF-8; send the body in that encoding", name));
    }
  }
}

bool scan_text(JsonScanner& scanner, std::string& scratch, FieldValue& value) {
  JsonScanner::String string;
  if (!scanner.string(string)) return false;
  value = {string.raw, Shape::text};
  if (string.escaped) {
    value.shape = unescape(string.raw, scratch) ? Shape::text : Shape::unreadable;
    value.text = scratch;
  }
  return true;
}

bool scan_value(JsonScanner& scanner, std::string& scratch, FieldValue& value) {
  const char first = scanner.peek();
  if (first == '"') return scan_text(scanner, scratch, value);
  const bool is_number = first == '-' || (first >= '0' && first <= '9');
  value.shape = is_number ? Shape::number : Shape::wrong_type;
  return is_number ? scanner.number(value.text) : scanner.any_value(value.text);
}

std::string found(const JsonScanner& scanner) {
  const auto byte = static_cast<unsigned char>(*scanner.stopped_at());
  return byte > 0x20 && byte < 0x7f ? fmt::format("'{}'", static_cast<char>(byte)) : fmt::format("byte 0x{:02x}", byte);
}

}  // namespace ratebook::intake
