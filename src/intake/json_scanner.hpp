// JSON's tokens (RFC 8259), strictly, over bytes that may end in the middle of one. Numbers stay text: nothing here
// goes through a float. Strings are not checked to be UTF-8; the rest of the grammar is.
#pragma once
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace ratebook::intake {

/// How deep values may lie in one another where they are only skipped.
inline constexpr int json_depth_max = 64;

/// Bytes at which a string's plain run ends: quote, backslash, control characters and with them the end's '\0'.
inline constexpr std::array<bool, 256> ends_plain_run = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < 0x20; ++c) table[c] = true;
  table['"'] = true;
  table['\\'] = true;
  return table;
}();

class JsonScanner {
 public:
  /// `end` points at a '\0'.
  JsonScanner(const char* begin, const char* end) : at_(begin), end_(end) {}

  struct String {
    std::string_view raw;  ///< between the quotes
    bool escaped = false;  ///< has escapes: unescape() reads it
  };

  const char* at() const { return at_; }
  bool at_end() const { return at_ == end_; }
  char peek() const { return *at_; }  ///< '\0' at the end
  void skip_blanks();

  // Each takes a token, or returns false and says where and why it stopped.
  bool take(char c, std::string_view expected);
  bool string(String& string);
  bool number(std::string_view& token);
  bool any_value(std::string_view& text);
  /// Stops here: something else is expected. False.
  bool stop(std::string_view expected);

  /// The bytes end where more must follow; otherwise they are no JSON.
  bool ends_early() const { return ends_early_; }
  const char* stopped_at() const { return stopped_at_; }
  std::string_view expected() const { return expected_; }

 private:
  bool escape();
  bool digits();
  bool literal(std::string_view word);
  bool skip_value(int depth);
  bool skip_members(int depth);
  bool skip_elements(int depth);

  const char* at_;
  const char* end_;
  bool ends_early_ = false;
  const char* stopped_at_ = nullptr;
  std::string_view expected_;
};

// Here, and not in the .cpp: they are called a dozen times an item.
inline void JsonScanner::skip_blanks() {
  while (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t') ++at_;
}

inline bool JsonScanner::take(char c, std::string_view expected) {
  if (*at_ != c) return stop(expected);
  ++at_;
  return true;
}

inline bool JsonScanner::string(String& string) {
  if (!take('"', "a string")) return false;
  const char* begin = at_;
  string.escaped = false;
  while (true) {
    while (!ends_plain_run[static_cast<unsigned char>(*at_)]) ++at_;
    if (*at_ == '"') break;
    if (*at_ != '\\') return stop("'\"', since a string has no line break or other control character in it");
    string.escaped = true;
    if (!escape()) return false;
  }
  string.raw = {begin, static_cast<std::size_t>(at_ - begin)};
  ++at_;
  return true;
}

/// What a scanned string stands for, into `out`. False: a half of a surrogate pair stands alone (a '?' takes its
/// place).
bool unescape(std::string_view raw, std::string& out);

}  // namespace ratebook::intake
