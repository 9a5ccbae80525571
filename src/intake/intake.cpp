// One body through window, decoder and builder.
#include "intake/intake.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "intake/builder.hpp"
#include "intake/csv_decoder.hpp"
#include "intake/json_decoder.hpp"
#include "intake/unit.hpp"
#include "intake/window.hpp"

namespace ratebook::intake {
namespace {

/// A piece is decoded in slices of this size, so that the window stays small whatever is fed.
constexpr std::size_t slice_bytes_max = 64 * 1024;

using Decoder = std::variant<JsonDecoder, CsvDecoder>;

Decoder decoder_of(Format format, Builder& builder) {
  if (format == Format::csv) return CsvDecoder{builder};
  return JsonDecoder{builder};
}

}  // namespace

class Intake::State {
 public:
  State(const Request& request, const Limits& limits, MemoryBudget& memory)
      : body_bytes_max_(request.format == Format::json ? limits.json_body_bytes_max : SIZE_MAX),
        window_(&memory),
        builder_(request, limits, memory),
        decoder_(decoder_of(request.format, builder_)) {}

  bool feed(std::string_view piece) {
    if (piece.size() > body_bytes_max_ - body_bytes_) {
      builder_.stop(
          Refused::Kind::too_large,
          fmt::format("a body of this format has at most {} bytes; send several batches, or CSV", body_bytes_max_));
    }
    body_bytes_ += piece.size();
    while (!piece.empty() && !builder_.stopped()) {
      const std::string_view slice = piece.substr(0, slice_bytes_max);
      piece.remove_prefix(slice.size());
      if (!window_.append(slice)) {
        builder_.stop(Refused::Kind::no_memory,
                      "the batches that are being read hold as much memory as they may; try again");
      } else if (window_.size() >= bytes_before_next_try_) {
        decode(false);
      }
    }
    return !builder_.stopped();
  }

  std::expected<Decoded, Refused> finish() {
    if (!builder_.stopped()) decode(true);
    return builder_.finish();
  }

 private:
  // A unit that is cut is tried again only when twice as much is there: work stays linear in what is fed, even byte by
  // byte.
  void decode(bool last) {
    std::visit([&](auto& decoder) { decoder.decode(window_, last); }, decoder_);
    bytes_before_next_try_ = std::min(window_.size() * 2, unit_bytes_max + 1);
  }

  std::size_t body_bytes_max_;
  std::size_t body_bytes_ = 0;
  std::size_t bytes_before_next_try_ = 0;
  Window window_;
  Builder builder_;
  Decoder decoder_;
};

Intake::Intake(Request request, const Limits& limits, MemoryBudget& memory)
    : state_(std::make_unique<State>(request, limits, memory)) {}
Intake::Intake(Intake&&) noexcept = default;
Intake& Intake::operator=(Intake&&) noexcept = default;
Intake::~Intake() = default;

bool Intake::feed(std::string_view piece) { return state_->feed(piece); }

std::expected<Decoded, Refused> Intake::finish() { return state_->finish(); }

}  // namespace ratebook::intake
