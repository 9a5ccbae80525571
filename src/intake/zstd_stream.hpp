// Zstandard (RFC 8878) undone as the bytes come; several frames behind each other are one stream.
#pragma once
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "intake/coding.hpp"
#include "intake/memory_budget.hpp"

struct ZSTD_DCtx_s;

namespace ratebook::intake {

class ZstdStream {
 public:
  /// Frames with a larger window are refused (RFC 9659 lets a server do that above 8 MiB). The bound is rounded down to
  /// a power of two.
  ZstdStream(std::size_t window_bytes_max, MemoryBudget& memory);

  /// As GzipStream::decode.
  std::expected<std::size_t, CodingFault> decode(std::string_view& input, std::span<char> output);
  bool whole() const { return frame_count_ > 0 && !inside_; }

 private:
  struct Free {
    void operator()(ZSTD_DCtx_s* decoder) const;
  };
  bool check_magic(std::string_view input);
  CodingFault fault(std::size_t error) const;
  CodingFault foreign() const;

  std::size_t window_bytes_max_;
  std::unique_ptr<ZSTD_DCtx_s, Free> decoder_;
  Reservation memory_;
  std::uint64_t byte_ = 0;  ///< of the input, taken so far
  std::uint64_t frame_start_ = 0;
  std::uint64_t frame_count_ = 0;  ///< that have ended
  bool inside_ = false;            ///< a frame has begun
  std::string magic_;              ///< of it, as far as it has come
};

}  // namespace ratebook::intake
