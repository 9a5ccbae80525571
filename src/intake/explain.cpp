// What is wrong with an item, or with the whole, in words that say how to mend it: the builder's slow half.
#include <fmt/format.h>

#include "intake/builder.hpp"
#include "intake/error_codes.hpp"
#include "intake/shown.hpp"
#include "model/batch.hpp"

namespace ratebook::intake {
namespace {

using Shape = FieldValue::Shape;

std::string_view name_of(Field field) { return field_names[static_cast<std::size_t>(field)]; }

std::string_view example_of(Field field) {
  switch (field) {
    case Field::orig_code:
      return "a port's code such as \"CNSGH\"";
    case Field::dest_code:
      return "a port's code such as \"NLRTM\"";
    case Field::day:
      return "a day such as \"2021-01-31\"";
    case Field::price:
      return "an amount in USD such as 1154.50";
  }
  return "";
}

/// `YYYY-MM-DD` by its looks.
bool looks_like_day(std::string_view text) {
  if (text.size() != 10) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 4 || i == 7;
    if (dash ? text[i] != '-' : text[i] < '0' || text[i] > '9') return false;
  }
  return true;
}

}  // namespace

void Builder::check_request(const Request& request) {
  if (!request.source.empty() && !is_source(request.source)) report_bad_source(std::nullopt, request.source);
  if (!request.replaces.empty() && !is_batch_id(request.replaces)) {
    report_whole(std::nullopt, "replaces", code::bad_batch_id,
                 fmt::format("'{}' is no batch's id; write its 32 characters of 0-9, a-f", shown(request.replaces)));
  }
}

void Builder::report_bad_source(std::optional<std::uint64_t> line, std::string_view source) {
  report_whole(line, "source", code::bad_source,
               fmt::format("'{}' is no source; write 1 to {} of a-z, 0-9, '-', '_', '.', the first a letter or digit",
                           shown(source), source_length_max));
}

void Builder::set_source(const FieldValue& value, std::uint64_t line) {
  source_named_ = true;
  if (value.shape == Shape::unreadable || (value.shape == Shape::text && !is_utf8(value.text))) {
    report_whole(line, "source", code::bad_utf8,
                 fmt::format("'{}' is not UTF-8; send the body in that encoding", shown(value.text)));
  } else if (value.shape != Shape::text) {
    report_whole(line, "source", code::wrong_type,
                 fmt::format("'source' is {}; give a string such as \"carrier-a\"", shown(value.text)));
  } else if (!is_source(value.text)) {
    report_bad_source(line, value.text);
  } else if (!source_given_.empty() && value.text != source_given_) {
    report_whole(line, "source", code::source_conflict,
                 fmt::format("the query names the source '{}', the body '{}'; name one, or the same twice",
                             shown(source_given_), value.text));
  } else {
    source_ = value.text;
  }
}

// From the first error on nothing will be stored: what was packed is given back at once.
void Builder::count_error() {
  if (error_count_++ > 0) return;
  spool_ = Spool(0, "");
  chunk_ = {};
  port_entries_ = {};
  packed_ = {};
  memory_.release();
}

void Builder::report_item(std::uint64_t line, std::string_view field, std::string_view code, std::string message) {
  count_error();
  if (item_errors_.size() == errors_listed_max) return;
  item_errors_.push_back({item_count_ - 1, line, std::string{field}, std::string{code}, std::move(message)});
}

void Builder::report_whole(std::optional<std::uint64_t> line, std::string_view field, std::string_view code,
                           std::string message) {
  count_error();
  if (whole_errors_.size() == errors_listed_max) return;
  whole_errors_.push_back({std::nullopt, line, std::string{field}, std::string{code}, std::move(message)});
}

void Builder::explain(const Item& item, std::uint64_t line) {
  const auto& [orig, dest, day, price] = item;
  explain_port(Field::orig_code, orig, line);
  explain_port(Field::dest_code, dest, line);
  if (orig.shape == Shape::text && dest.shape == Shape::text && orig.text == dest.text && find_open_port(orig)) {
    report_item(line, name_of(Field::dest_code), code::same_port,
                fmt::format("origin and destination are both '{}'; a price needs two ports", orig.text));
  }
  if (explain_shape(Field::day, day, line)) explain_day(day.text, line);
  explain_price(price, line);
}

/// True: the value is text, and readable; its content is to be looked at.
bool Builder::explain_shape(Field field, const FieldValue& value, std::uint64_t line) {
  const std::string_view name = name_of(field);
  switch (value.shape) {
    case Shape::missing:
      report_item(line, name, code::missing, fmt::format("'{}' is missing; give {}", name, example_of(field)));
      return false;
    case Shape::repeated:
      report_item(line, name, code::repeated_field, fmt::format("'{}' stands more than once; keep one", name));
      return false;
    case Shape::number:
      if (field == Field::price) return true;
      [[fallthrough]];
    case Shape::wrong_type:
      report_item(line, name, code::wrong_type,
                  fmt::format("'{}' is {}; give {}", name, shown(value.text), example_of(field)));
      return false;
    case Shape::unreadable:
      break;
    case Shape::text:
      if (is_utf8(value.text)) return true;
      break;
  }
  report_item(line, name, code::bad_utf8,
              fmt::format("'{}' is not UTF-8; send the body in that encoding", shown(value.text)));
  return false;
}

void Builder::explain_port(Field field, const FieldValue& value, std::uint64_t line) {
  if (!explain_shape(field, value, line)) return;
  const auto port = places_->find_port(value.text);
  if (!port) {
    report_item(line, name_of(field), code::unknown_port,
                fmt::format("no port has the code '{}'; correct it, or add the port to the places", shown(value.text)));
  } else if (places_->is_closed(*port)) {
    report_item(
        line, name_of(field), code::closed_port,
        fmt::format("the port '{}' is closed to new prices; correct it, or name it in the places again", value.text));
  }
}

void Builder::explain_day(std::string_view text, std::uint64_t line) {
  const std::string_view name = name_of(Field::day);
  if (parse_day(text)) return;
  if (!looks_like_day(text)) {
    report_item(line, name, code::bad_day, fmt::format("'{}' is not a day; write YYYY-MM-DD", shown(text)));
  } else if (!parse_any_day(text)) {
    report_item(line, name, code::no_such_day, fmt::format("there is no day '{}'; correct it", text));
  } else {
    report_item(
        line, name, code::day_out_of_range,
        fmt::format("'{}' is out of range; days go from {} to {}", text, format_day(day_min), format_day(day_max)));
  }
}

void Builder::explain_price(const FieldValue& value, std::uint64_t line) {
  if (!explain_shape(Field::price, value, line)) return;
  const auto amount = parse_cents(value.text);
  if (amount) return;
  const auto report = [&](std::string_view code, std::string_view how) {
    report_item(line, name_of(Field::price), code, fmt::format("'{}' {}", shown(value.text), how));
  };
  switch (amount.error()) {
    case CentsError::not_a_number:
      return report(code::not_a_number, "is not a number; write one such as 1154.50");
    case CentsError::exponent:
      return report(code::exponent, "has an exponent; write it out, such as 1154.50");
    case CentsError::too_many_decimals:
      return report(code::too_many_decimals, "has more than two digits after the point; round it to cents");
    case CentsError::not_positive:
      return report(code::not_positive, "is not above 0; the least price is 0.01");
    case CentsError::too_large:
      return report(code::too_large, "is above 20000000.00, the largest price");
  }
}

}  // namespace ratebook::intake
