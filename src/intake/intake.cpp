// One body through decompression, window, decoder and builder.
#include "intake/intake.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "intake/builder.hpp"
#include "intake/csv_decoder.hpp"
#include "intake/error_codes.hpp"
#include "intake/gzip_stream.hpp"
#include "intake/json_decoder.hpp"
#include "intake/ndjson_decoder.hpp"
#include "intake/unit.hpp"
#include "intake/window.hpp"
#include "intake/zstd_stream.hpp"

namespace ratebook::intake {
namespace {

/// A piece is decoded in slices of this size, so that the window stays small whatever is fed.
constexpr std::size_t slice_bytes_max = 64 * 1024;

using Decoder = std::variant<JsonDecoder, NdjsonDecoder, CsvDecoder>;
using Decompressor = std::variant<std::monostate, GzipStream, ZstdStream>;

Decoder decoder_of(Format format, Builder& builder) {
  switch (format) {
    case Format::csv:
      return CsvDecoder{builder};
    case Format::ndjson:
      return NdjsonDecoder{builder};
    case Format::json:
      break;
  }
  return JsonDecoder{builder};
}

Decompressor decompressor_of(Coding coding, const Limits& limits, MemoryBudget& memory) {
  switch (coding) {
    case Coding::gzip:
      return Decompressor{std::in_place_type<GzipStream>, memory};
    case Coding::zstd:
      return Decompressor{std::in_place_type<ZstdStream>, limits.zstd_window_bytes_max, memory};
    case Coding::identity:
      break;
  }
  return {};
}

}  // namespace

class Intake::State {
 public:
  State(Request request, const Limits& limits, MemoryBudget& memory)
      : is_json_(request.format == Format::json),
        body_bytes_max_(is_json_ ? std::min(limits.json_body_bytes_max, limits.body_bytes_max) : limits.body_bytes_max),
        ratio_max_(limits.compression_ratio_max),
        ratio_free_bytes_(limits.compression_free_bytes),
        digests_(std::move(request.digests)),
        decompressor_(decompressor_of(request.coding, limits, memory)),
        slice_memory_(&memory),
        window_(&memory),
        builder_(request, limits, memory),
        decoder_(decoder_of(request.format, builder_)) {}

  bool feed(std::string_view piece) {
    if (builder_.stopped()) return false;
    digests_.add(piece);
    sent_bytes_ += piece.size();
    if (auto* gzip = std::get_if<GzipStream>(&decompressor_)) {
      decompress(*gzip, piece);
    } else if (auto* zstd = std::get_if<ZstdStream>(&decompressor_)) {
      decompress(*zstd, piece);
    } else {
      decode(piece);
    }
    return !builder_.stopped();
  }

  std::string_view source() const { return builder_.source(); }

  std::expected<Decoded, Refused> finish() {
    if (!builder_.stopped()) check_end();
    if (!builder_.stopped()) decode_window(true);
    return builder_.finish();
  }

 private:
  template <typename Stream>
  void decompress(Stream& stream, std::string_view piece) {
    if (!slice_memory_.raise_to(slice_bytes_max)) return stop_without_memory();
    slice_.resize(slice_bytes_max);
    while (!builder_.stopped()) {
      const auto written = stream.decode(piece, slice_);
      if (!written) return stop_at(written.error());
      if (*written == 0) return;
      decode({slice_.data(), *written});
      check_ratio(sent_bytes_ - piece.size());
    }
  }

  void check_ratio(std::uint64_t taken_bytes) {
    if (body_bytes_ <= ratio_free_bytes_ || body_bytes_ <= taken_bytes * ratio_max_) return;
    stop(
        Refused::Kind::expands, code::compression_ratio,
        fmt::format("the body's first {} bytes stand for {}, more than {} for each; prices never compress so far: send "
                    "them without Content-Encoding, or as several batches",
                    taken_bytes, body_bytes_, ratio_max_));
  }

  void decode(std::string_view bytes) {
    if (bytes.size() > body_bytes_max_ - body_bytes_) {
      return builder_.stop(Refused::Kind::too_large,
                           fmt::format("a body of this format has at most {} bytes, decompressed; send several "
                                       "batches{}",
                                       body_bytes_max_, is_json_ ? ", or NDJSON or CSV" : ""));
    }
    body_bytes_ += bytes.size();
    while (!bytes.empty() && !builder_.stopped()) {
      const std::string_view slice = bytes.substr(0, slice_bytes_max);
      bytes.remove_prefix(slice.size());
      if (!window_.append(slice)) {
        stop_without_memory();
      } else if (window_.size() >= bytes_before_next_try_) {
        decode_window(false);
      }
    }
  }

  // A unit that is cut is tried again only when twice as much is there: work stays linear in what is fed, even byte by
  // byte.
  void decode_window(bool last) {
    std::visit([&](auto& decoder) { decoder.decode(window_, last); }, decoder_);
    bytes_before_next_try_ = std::min(window_.size() * 2, unit_bytes_max + 1);
  }

  // What is wrong with the bytes comes before what is wrong with the prices in them.
  void check_end() {
    if (const auto wrong = digests_.mismatch()) {
      return stop(Refused::Kind::digest_mismatch, code::digest_mismatch,
                  fmt::format("the body is not the one that {} was made of; send it again, with the digest of the "
                              "bytes as they are sent (compressed, where they are)",
                              wrong->field));
    }
    const bool whole = std::visit(
        [](const auto& stream) {
          if constexpr (requires { stream.whole(); }) return stream.whole();
          return true;
        },
        decompressor_);
    if (sent_bytes_ == 0 || (whole && body_bytes_ == 0)) {
      stop(Refused::Kind::malformed, code::empty, "the body is empty; send at least one price");
    } else if (!whole) {
      stop_broken(
          code::truncated_compression,
          fmt::format("the compressed body ends in its middle, after {} bytes; send the whole file", sent_bytes_));
    }
  }

  void stop_at(const CodingFault& fault) {
    if (fault.no_memory) return stop_without_memory();
    stop_broken(fault.code, fault.message);
  }

  // What came whole before it is looked at, however it was cut into pieces.
  void stop_broken(std::string_view code, std::string message) {
    decode_window(false);
    stop(Refused::Kind::broken_coding, code, std::move(message));
  }

  void stop_without_memory() {
    builder_.stop(Refused::Kind::no_memory,
                  "the batches that are being read hold as much memory as they may; try again");
  }

  void stop(Refused::Kind kind, std::string_view code, std::string message) {
    if (builder_.stopped()) return;
    builder_.report_whole(std::nullopt, "", code, message);
    builder_.stop(kind, std::move(message));
  }

  bool is_json_;
  std::size_t body_bytes_max_;
  std::size_t ratio_max_;
  std::size_t ratio_free_bytes_;
  BodyDigests digests_;
  Decompressor decompressor_;
  std::string slice_;  ///< decompressed
  Reservation slice_memory_;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t body_bytes_ = 0;  ///< decompressed
  std::size_t bytes_before_next_try_ = 0;
  Window window_;
  Builder builder_;
  Decoder decoder_;
};

Intake::Intake(Request request, const Limits& limits, MemoryBudget& memory)
    : state_(std::make_unique<State>(std::move(request), limits, memory)) {}
Intake::Intake(Intake&&) noexcept = default;
Intake& Intake::operator=(Intake&&) noexcept = default;
Intake::~Intake() = default;

bool Intake::feed(std::string_view piece) { return state_->feed(piece); }

std::string_view Intake::source() const { return state_->source(); }

std::expected<Decoded, Refused> Intake::finish() { return state_->finish(); }

}  // namespace ratebook::intake
