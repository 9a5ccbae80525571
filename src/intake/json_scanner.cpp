// Scanning goes byte by byte: the tokens of prices are so short that wide steps would not pay.
#include "intake/json_scanner.hpp"

namespace ratebook::intake {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool JsonScanner::stop(std::string_view expected) {
  ends_early_ = at_ == end_;
  stopped_at_ = at_;
  expected_ = expected;
  return false;
}

bool JsonScanner::escape() {
  ++at_;
  switch (*at_) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
      ++at_;
      return true;
    case 'u':
      ++at_;
      for (int i = 0; i < 4; ++i, ++at_) {
        if (hex_digit(*at_) < 0) return stop("four hexadecimal digits after '\\u'");
      }
      return true;
    default:
      return stop("one of \"\\/bfnrtu after '\\'");
  }
}

bool JsonScanner::digits() {
  if (!is_digit(*at_)) return stop("a digit");
  while (is_digit(*at_)) ++at_;
  return true;
}

bool JsonScanner::number(std::string_view& token) {
  const char* begin = at_;
  if (*at_ == '-') ++at_;
  if (*at_ == '0') {
    ++at_;  // and no digit after it: what comes next is not the number's
  } else if (!digits()) {
    return false;
  }
  if (*at_ == '.') {
    ++at_;
    if (!digits()) return false;
  }
  if (*at_ == 'e' || *at_ == 'E') {
    ++at_;
    if (*at_ == '+' || *at_ == '-') ++at_;
    if (!digits()) return false;
  }
  if (at_ == end_) return stop("',' or the end of what the number stands in");
  token = {begin, static_cast<std::size_t>(at_ - begin)};
  return true;
}

bool JsonScanner::any_value(std::string_view& text) {
  const char* begin = at_;
  if (!skip_value(0)) return false;
  text = {begin, static_cast<std::size_t>(at_ - begin)};
  return true;
}

bool JsonScanner::literal(std::string_view word) {
  for (const char c : word) {
    if (!take(c, word)) return false;
  }
  return true;
}

bool JsonScanner::skip_value(int depth) {
  if (depth > json_depth_max) return stop("a value that lies less deep");
  String string_skipped;
  std::string_view number_skipped;
  switch (*at_) {
    case '"':
      return string(string_skipped);
    case '{':
      return skip_members(depth);
    case '[':
      return skip_elements(depth);
    case 't':
      return literal("true");
    case 'f':
      return literal("false");
    case 'n':
      return literal("null");
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
      return number(number_skipped);
    default:
      return stop("a value");
  }
}

bool JsonScanner::skip_members(int depth) {
  ++at_;
  skip_blanks();
  if (*at_ == '}') return take('}', "'}'");
  while (true) {
    String key;
    if (!string(key)) return false;
    skip_blanks();
    if (!take(':', "':'")) return false;
    skip_blanks();
    if (!skip_value(depth + 1)) return false;
    skip_blanks();
    if (*at_ == '}') return take('}', "'}'");
    if (!take(',', "',' or '}'")) return false;
    skip_blanks();
  }
}

bool JsonScanner::skip_elements(int depth) {
  ++at_;
  skip_blanks();
  if (*at_ == ']') return take(']', "']'");
  while (true) {
    if (!skip_value(depth + 1)) return false;
    skip_blanks();
    if (*at_ == ']') return take(']', "']'");
    if (!take(',', "',' or ']'")) return false;
    skip_blanks();
  }
}

namespace {

unsigned hex4(std::string_view digits) {
  unsigned value = 0;
  for (const char c : digits) value = value << 4 | static_cast<unsigned>(hex_digit(c));
  return value;
}

void append_utf8(unsigned character, std::string& out) {
  const auto put = [&](unsigned byte) { out.push_back(static_cast<char>(byte)); };
  if (character < 0x80) {
    put(character);
  } else if (character < 0x800) {
    put(0xC0 | character >> 6);
    put(0x80 | (character & 0x3F));
  } else if (character < 0x10000) {
    put(0xE0 | character >> 12);
    put(0x80 | (character >> 6 & 0x3F));
    put(0x80 | (character & 0x3F));
  } else {
    put(0xF0 | character >> 18);
    put(0x80 | (character >> 12 & 0x3F));
    put(0x80 | (character >> 6 & 0x3F));
    put(0x80 | (character & 0x3F));
  }
}

char plain_escape(char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;
  }
}

bool is_high(unsigned unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low(unsigned unit) { return unit >= 0xDC00 && unit < 0xE000; }

}  // namespace

bool unescape(std::string_view raw, std::string& out) {
  out.clear();
  bool whole = true;
  for (std::size_t i = 0; i < raw.size();) {
    if (raw[i] != '\\') {
      out.push_back(raw[i++]);
    } else if (raw[i + 1] != 'u') {
      out.push_back(plain_escape(raw[i + 1]));
      i += 2;
    } else {
      const unsigned unit = hex4(raw.substr(i + 2, 4));
      i += 6;
      const bool escape_follows = raw.substr(i).starts_with("\\u");
      const unsigned next = escape_follows && is_high(unit) ? hex4(raw.substr(i + 2, 4)) : 0;
      if (is_high(unit) && is_low(next)) {
        append_utf8(0x10000 + ((unit - 0xD800) << 10) + (next - 0xDC00), out);
        i += 6;
      } else if (is_high(unit) || is_low(unit)) {
        out.push_back('?');
        whole = false;
      } else {
        append_utf8(unit, out);
      }
    }
  }
  return whole;
}

}  // namespace ratebook::intake
