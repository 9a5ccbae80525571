// Data in bulk, everything between the data byte by byte.
#include "http/chunked_body.hpp"

#include <algorithm>

#include "http/text.hpp"

namespace ratebook::http {
namespace {

constexpr std::size_t extension_bytes_max = 4096;
constexpr std::size_t trailer_bytes_max = 16 * 1024;
constexpr unsigned size_digits_max = 15;  // 60 bits: sums of sizes stay far from overflowing

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

}  // namespace

ChunkedBody::Progress ChunkedBody::take(std::string_view& input, std::string& piece, std::size_t piece_bytes_max) {
  while (!done_ && !input.empty()) {
    if (expect_ == Expect::data) {
      const std::size_t room = piece_bytes_max - std::min(piece.size(), piece_bytes_max);
      const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>({left_bytes_, input.size(), room}));
      if (taken == 0) return Progress::more;
      piece.append(input.substr(0, taken));
      input.remove_prefix(taken);
      left_bytes_ -= taken;
      if (left_bytes_ == 0) expect_ = Expect::data_return;
    } else {
      if (!take_frame_byte(input.front())) return Progress::malformed;
      input.remove_prefix(1);
    }
  }
  return done_ ? Progress::done : Progress::more;
}

bool ChunkedBody::take_frame_byte(char c) {
  switch (expect_) {
    case Expect::size:
      return take_size_digit(c);
    case Expect::extension:
      if (c == '\r') expect_ = Expect::size_end;
      return c == '\r' || (!is_control(c) && ++overhead_bytes_ <= extension_bytes_max);
    case Expect::size_end:
      overhead_bytes_ = line_bytes_ = 0;
      expect_ = left_bytes_ > 0 ? Expect::data : Expect::trailer;
      return c == '\n';
    case Expect::data:
      return false;
    case Expect::data_return:
      expect_ = Expect::data_line_feed;
      return c == '\r';
    case Expect::data_line_feed:
      expect_ = Expect::size;
      size_digits_ = 0;
      return c == '\n';
    case Expect::trailer:
      return take_trailer(c);
    case Expect::trailer_end:
      done_ = line_bytes_ == 0;
      line_bytes_ = 0;
      expect_ = Expect::trailer;
      return c == '\n';
  }
  return false;
}

bool ChunkedBody::take_size_digit(char c) {
  if (size_digits_ > 0 && c == '\r') {
    expect_ = Expect::size_end;
    return true;
  }
  if (size_digits_ > 0 && c == ';') {
    expect_ = Expect::extension;
    return true;
  }
  const char digit = lower(c);
  const bool decimal = digit >= '0' && digit <= '9';
  if (!decimal && (digit < 'a' || digit > 'f')) return false;
  left_bytes_ = left_bytes_ * 16 + static_cast<std::uint64_t>(decimal ? digit - '0' : digit - 'a' + 10);
  return ++size_digits_ <= size_digits_max;
}

bool ChunkedBody::take_trailer(char c) {
  if (c == '\r') {
    expect_ = Expect::trailer_end;
    return true;
  }
  ++line_bytes_;
  return !is_control(c) && ++overhead_bytes_ <= trailer_bytes_max;
}

}  // namespace ratebook::http
