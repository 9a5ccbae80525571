// A body in chunks (RFC 9112, section 7.1), taken apart as it comes in. Strict: whatever is not exactly a chunk ends
// it, since a lenient reader behind a strict one is how requests are smuggled.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ratebook::http {

class ChunkedBody {
 public:
  enum class Progress { more, done, malformed };

  /// Moves data from the front of `input` to the end of `piece` until the input is used up, the piece has
  /// `piece_bytes_max` bytes, or the body ends. What follows the body stays in `input`.
  Progress take(std::string_view& input, std::string& piece, std::size_t piece_bytes_max);

 private:
  enum class Expect { size, extension, size_end, data, data_return, data_line_feed, trailer, trailer_end };

  bool take_frame_byte(char c);
  bool take_size_digit(char c);
  bool take_trailer(char c);

  Expect expect_ = Expect::size;
  bool done_ = false;
  std::uint64_t left_bytes_ = 0;  ///< of the chunk
  unsigned size_digits_ = 0;
  std::size_t overhead_bytes_ = 0;  ///< of this chunk's extension, or of all trailers
  std::size_t line_bytes_ = 0;      ///< of this trailer
};

}  // namespace ratebook::http
