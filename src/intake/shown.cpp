// Goes character by character: only values that are wrong come here.
#include "intake/shown.hpp"

#include "model/places.hpp"

namespace ratebook::intake {
namespace {

/// Of the character that `bytes` begin with; 0: they begin with none.
std::size_t character_length(std::string_view bytes) {
  for (std::size_t length = 1; length <= 4 && length <= bytes.size(); ++length) {
    if (is_utf8(bytes.substr(0, length))) return length;
  }
  return 0;
}

/// C0, DEL and C1: what a terminal might obey.
bool is_control(std::string_view character) {
  const auto lead = static_cast<unsigned char>(character[0]);
  return lead < 0x20 || lead == 0x7f || (lead == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0);
}

}  // namespace

std::string shown(std::string_view value, std::size_t bytes_max) {
  std::string text;
  while (!value.empty()) {
    const std::size_t length = character_length(value);
    const std::string_view character = value.substr(0, length == 0 ? 1 : length);
    if (text.size() + character.size() > bytes_max) return text + "…";
    if (length == 0 || is_control(character)) {
      text += '?';
    } else {
      text += character;
    }
    value.remove_prefix(character.size());
  }
  return text;
}

}  // namespace ratebook::intake
