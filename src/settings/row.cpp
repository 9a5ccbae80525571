#include "settings/row.hpp"

#include <fmt/format.h>

#include <charconv>

#include "settings/units.hpp"

namespace ratebook::settings {
namespace {

std::string replace_all(std::string text, std::string_view any_of, char by) {
  std::ranges::replace_if(text, [&](char c) { return any_of.contains(c); }, by);
  return text;
}

std::optional<std::uint64_t> parse(Kind kind, std::string_view text) {
  if (kind == Kind::count) return parse_count(text);
  if (kind == Kind::bytes) return parse_bytes(text);
  const auto time = parse_duration(text);
  if (!time) return std::nullopt;
  return static_cast<std::uint64_t>(time->count());
}

std::string format(Kind kind, std::uint64_t value) {
  if (kind == Kind::count) return std::to_string(value);
  if (kind == Kind::bytes) return format_bytes(value);
  return format_duration(std::chrono::milliseconds{static_cast<std::int64_t>(value)});
}

std::string_view advice(Kind kind) {
  if (kind == Kind::count) return "a number";
  return kind == Kind::bytes ? "bytes" : "a time";
}

}  // namespace

std::string Row::flag() const { return fmt::format("--{}", replace_all(key, "._", '-')); }

std::string Row::variable() const {
  std::string name = replace_all(key, ".", '_');
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return fmt::format("RATEBOOK_{}", name);
}

std::string Row::toml(const std::string& value) const {
  if (kind == Kind::count || kind == Kind::toggle) return value;
  std::string quoted = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      quoted += fmt::format("\\u{:04x}", byte);
    } else {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
  }
  return quoted + '"';
}

void Rows::section(std::string_view name, std::string_view meaning) {
  section_ = name;
  sections.push_back({section_, std::string{meaning}});
}

Row& Rows::add(Kind kind, std::string_view name, std::string_view meaning) {
  Row& row = rows.emplace_back();
  row.section = section_;
  row.key = section_.empty() ? std::string{name} : fmt::format("{}.{}", section_, name);
  row.kind = kind;
  row.meaning = meaning;
  return row;
}

void Rows::number(Kind kind, std::string_view name, Bounds bounds, std::string_view meaning, Access access) {
  Row& row = add(kind, name, meaning);
  row.takes = fmt::format("{} from {} to {}", advice(kind), format(kind, bounds.least), format(kind, bounds.most));
  row.get = [kind, get = std::move(access.get)] { return format(kind, get()); };
  row.set = [kind, bounds, set = std::move(access.set)](std::string_view text) {
    const auto value = parse(kind, text);
    if (!value || *value < bounds.least || *value > bounds.most) return false;
    set(*value);
    return true;
  };
}

void Rows::toggle(std::string_view name, bool& field, std::string_view meaning) {
  Row& row = add(Kind::toggle, name, meaning);
  row.takes = "true or false";
  row.get = [&field] { return std::string{field ? "true" : "false"}; };
  row.set = [&field](std::string_view text) {
    if (text != "true" && text != "false") return false;
    field = text == "true";
    return true;
  };
}

void Rows::path(std::string_view name, std::string& field, std::string_view meaning, std::string_view example) {
  Row& row = add(Kind::text, name, meaning);
  row.takes = "a path";
  row.example = example;
  row.get = [&field] { return field; };
  row.set = [&field](std::string_view text) {
    // What the system would cut short there.
    if (text.contains('\0')) return false;
    field = text;
    return true;
  };
}

void Rows::text(std::string_view name, std::string& field, std::string_view takes, std::string_view meaning) {
  path(name, field, meaning);
  rows.back().takes = takes;
}

void Rows::list(std::string_view name, std::string& field, bool (*is_one)(std::string_view), std::string_view takes,
                std::string_view meaning) {
  text(name, field, takes, meaning);
  rows.back().set = [&field, is_one](std::string_view text) {
    if (!is_one(text)) return false;
    field = text;
    return true;
  };
}

void Rows::address(std::string_view name, std::string& host, std::uint16_t& port, std::string_view meaning) {
  Row& row = add(Kind::text, name, meaning);
  row.takes = "ADDRESS:PORT or [IPV6]:PORT";
  row.get = [&host, &port] { return format_address(host, port); };
  row.set = [&host, &port](std::string_view text) { return read_address(text, host, port); };
}

bool read_address(std::string_view text, std::string& host, std::uint16_t& port) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  std::string_view address = text.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  } else if (address.contains(':')) {
    return false;  // an IPv6 address without brackets: where would its port begin?
  }
  std::uint16_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + colon + 1, end, number);
  if (address.empty() || error != std::errc{} || at != end) return false;
  host = address;
  port = number;
  return true;
}

std::string format_address(const std::string& host, std::uint16_t port) {
  return fmt::format(fmt::runtime(host.contains(':') ? "[{}]:{}" : "{}:{}"), host, port);
}

}  // namespace ratebook::settings
