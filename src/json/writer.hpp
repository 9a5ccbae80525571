// Appends JSON to a string: exact, without a tree in between.
#pragma once
#include <array>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace ratebook::json {

/// Appends `text` in double quotes, escaped as RFC 8259 asks. What is not UTF-8 becomes U+FFFD, so that it parses
/// whatever a client sent.
void append_string(std::string& out, std::string_view text);

template <std::integral Number>
void append_number(std::string& out, Number value) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

/// The shortest digits that read back as the same number, never in exponent form. |value| < 1e15.
inline void append_number(std::string& out, double value) {
  std::array<char, 64> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::fixed).ptr;
  out.append(digits.data(), end);
}

/// One object; members in the order of the calls. Names are ours and need no escape.
class Object {
 public:
  explicit Object(std::string& out) : out_(out) { out_ += '{'; }
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  ~Object() { out_ += '}'; }

  /// Appends the name; the caller appends the value.
  std::string& member(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    out_ += '"';
    out_ += name;
    out_ += "\":";
    return out_;
  }
  void text(std::string_view name, std::string_view value) { append_string(member(name), value); }
  void text_or_null(std::string_view name, std::string_view value) { value.empty() ? null(name) : text(name, value); }
  template <class Number>
  void number(std::string_view name, Number value) {
    append_number(member(name), value);
  }
  /// 0 is null: versions and times.
  template <std::integral Number>
  void number_or_null(std::string_view name, Number value) {
    value == 0 ? null(name) : number(name, value);
  }
  void boolean(std::string_view name, bool value) { member(name) += value ? "true" : "false"; }
  void null(std::string_view name) { member(name) += "null"; }

 private:
  std::string& out_;
  bool first_ = true;
};

/// `[{…},{…}]`: an object an item, its members by `write(Object&, const Item&)`; each on a line of its own, for people
/// and for tools that compare lines.
template <class Items, class Write>
void append_objects(std::string& out, const Items& items, Write write) {
  out += '[';
  bool first = true;
  for (const auto& item : items) {
    out += std::exchange(first, false) ? "\n" : ",\n";
    Object object{out};
    write(object, item);
  }
  out += first ? "]" : "\n]";
}

}  // namespace ratebook::json
