// While the library runs it may take as much memory as the largest window needs: that much is asked from the budget
// before, and what was not needed is given back after each call.
#include "intake/zstd_stream.hpp"

#include <fmt/format.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <bit>
#include <new>
#include <utility>

#include "intake/error_codes.hpp"

namespace ratebook::intake {

void ZstdStream::Free::operator()(ZSTD_DCtx_s* decoder) const { ZSTD_freeDCtx(decoder); }

ZstdStream::ZstdStream(std::size_t window_bytes_max, MemoryBudget& memory)
    : window_bytes_max_(std::bit_floor(window_bytes_max)), memory_(&memory) {}

std::expected<std::size_t, CodingFault> ZstdStream::decode(std::string_view& input, std::span<char> output) {
  constexpr std::size_t beside_window_bytes = 512 * 1024;
  if (!memory_.raise_to(window_bytes_max_ + beside_window_bytes)) {
    return std::unexpected(CodingFault{.no_memory = true});
  }
  if (!decoder_) {
    decoder_.reset(ZSTD_createDCtx());
    if (!decoder_) throw std::bad_alloc{};
    ZSTD_DCtx_setParameter(decoder_.get(), ZSTD_d_windowLogMax, std::countr_zero(window_bytes_max_));
  }
  std::size_t written = 0;
  while (written == 0 && (inside_ || !input.empty())) {
    if (!std::exchange(inside_, true)) {
      frame_start_ = byte_;
      magic_.clear();
    }
    if (!check_magic(input)) return std::unexpected(foreign());
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    ZSTD_outBuffer out{output.data(), output.size(), 0};
    const std::size_t outcome = ZSTD_decompressStream(decoder_.get(), &out, &in);
    if (ZSTD_isError(outcome) != 0) return std::unexpected(fault(outcome));
    written = out.pos;
    byte_ += in.pos;
    const bool used_up = in.pos == input.size();
    input.remove_prefix(in.pos);
    if (outcome == 0) {
      inside_ = false;
      ++frame_count_;
    } else if (used_up) {
      break;
    }
  }
  memory_.lower_to(ZSTD_sizeof_DCtx(decoder_.get()));
  return written;
}

// The library also reads the formats of before 1.0, whose windows it does not bound.
bool ZstdStream::check_magic(std::string_view input) {
  constexpr std::string_view frame{"\x28\xB5\x2F\xFD"};
  constexpr std::string_view skippable{"\x50\x2A\x4D\x18"};  // to 5F 2A 4D 18
  magic_ += input.substr(0, frame.size() - magic_.size());
  std::string masked = magic_;
  if (!masked.empty() && (masked[0] & 0xF0) == 0x50) masked[0] = 0x50;
  return frame.starts_with(magic_) || skippable.starts_with(masked);
}

CodingFault ZstdStream::fault(std::size_t error) const {
  switch (ZSTD_getErrorCode(error)) {
    case ZSTD_error_memory_allocation:
      return {.no_memory = true};
    case ZSTD_error_frameParameter_windowTooLarge:
      return {.code = code::window_too_large,
              .message = fmt::format("the zstd frame at byte {} needs a window of more than {} bytes; compress it "
                                     "again without --ultra and --long",
                                     frame_start_, window_bytes_max_)};
    default:
      return {.code = code::bad_compression,
              .message = fmt::format("the zstd data is broken in the frame that begins at byte {}: {}; compress it "
                                     "again, or send it without Content-Encoding",
                                     frame_start_, ZSTD_getErrorName(error))};
  }
}

CodingFault ZstdStream::foreign() const {
  if (frame_count_ > 0) {
    return {.code = code::trailing_bytes,
            .message = fmt::format("behind the zstd data, at byte {}, stands something else; send nothing behind it",
                                   frame_start_)};
  }
  return {.code = code::bad_compression,
          .message = "the body is no zstd data; compress it, or send it without Content-Encoding"};
}

}  // namespace ratebook::intake
