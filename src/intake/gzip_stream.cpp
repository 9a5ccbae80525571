// zlib asks for its memory through functions of ours, so that the budget knows of all of it.
#include "intake/gzip_stream.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

#include "intake/error_codes.hpp"

namespace ratebook::intake {

struct GzipStream::Inflater {
  explicit Inflater(MemoryBudget& budget) : memory(&budget) {
    stream.zalloc = [](void* self, unsigned count, unsigned size) -> void* {
      const std::size_t bytes = std::size_t{count} * size;
      return static_cast<Inflater*>(self)->memory.add(bytes) ? std::malloc(bytes) : nullptr;
    };
    stream.zfree = [](void*, void* bytes) { std::free(bytes); };
    stream.opaque = this;
  }

  z_stream stream{};
  Reservation memory;  ///< zlib gives nothing back before its end
};

void GzipStream::End::operator()(Inflater* inflater) const {
  inflateEnd(&inflater->stream);
  delete inflater;
}

GzipStream::GzipStream(MemoryBudget& memory) : inflater_(new Inflater{memory}) {}

std::expected<std::size_t, CodingFault> GzipStream::decode(std::string_view& input, std::span<char> output) {
  constexpr int gzip_only = 16;
  z_stream& stream = inflater_->stream;
  if (stream.state == nullptr) {
    if (const int error = inflateInit2(&stream, MAX_WBITS + gzip_only); error != Z_OK) {
      return std::unexpected(fault(error));
    }
  }
  std::size_t written = 0;
  while (written == 0 && (inside_ || !input.empty())) {
    if (!std::exchange(inside_, true)) {
      member_start_ = byte_;
      // One byte alone tells zlib nothing yet.
      if (input.front() != '\x1f') return std::unexpected(fault(Z_DATA_ERROR));
    }
    const auto bytes = std::min<std::size_t>(input.size(), std::numeric_limits<uInt>::max());
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    stream.avail_in = static_cast<uInt>(bytes);
    stream.next_out = reinterpret_cast<Bytef*>(output.data());
    stream.avail_out = static_cast<uInt>(output.size());
    const int outcome = inflate(&stream, Z_NO_FLUSH);
    written = output.size() - stream.avail_out;
    byte_ += bytes - stream.avail_in;
    input.remove_prefix(bytes - stream.avail_in);
    if (outcome == Z_STREAM_END) {
      inside_ = false;
      ++member_count_;
      inflateReset(&stream);
    } else if (outcome == Z_BUF_ERROR) {
      break;  // all input is used up
    } else if (outcome != Z_OK) {
      return std::unexpected(fault(outcome));
    }
  }
  return written;
}

CodingFault GzipStream::fault(int error) const {
  if (error == Z_MEM_ERROR) return {.no_memory = true};
  constexpr std::uint64_t magic_bytes = 2;
  const bool is_foreign = byte_ - member_start_ <= magic_bytes;
  if (is_foreign && member_count_ > 0) {
    return {.code = code::trailing_bytes,
            .message = fmt::format("behind the gzip data, at byte {}, stands something else; send nothing behind it",
                                   member_start_)};
  }
  if (is_foreign) {
    return {.code = code::bad_compression,
            .message = "the body is no gzip data; compress it, or send it without Content-Encoding"};
  }
  const char* reason = inflater_->stream.msg;
  return {.code = code::bad_compression,
          .message = fmt::format("the gzip data is broken before byte {}: {}; compress it again, or send it without "
                                 "Content-Encoding",
                                 byte_, reason != nullptr ? reason : zError(error))};
}

}  // namespace ratebook::intake
