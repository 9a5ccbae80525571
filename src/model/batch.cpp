#include "model/batch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace ratebook {
namespace {

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

}  // namespace

std::string format_time(WallTime time) {
  const std::chrono::sys_time<std::chrono::milliseconds> at{std::chrono::milliseconds{time}};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::hh_mm_ss clock{at - day};
  return fmt::format("{}T{:02}:{:02}:{:02}.{:03}Z",
                     format_day(Day{static_cast<std::int32_t>(day.time_since_epoch().count())}), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

bool is_source(std::string_view text) {
  return !text.empty() && text.size() <= source_length_max && is_lower_or_digit(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_lower_or_digit(c) || c == '-' || c == '_' || c == '.'; });
}

bool is_idempotency_key(std::string_view text) {
  return !text.empty() && text.size() <= key_length_max &&
         std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

bool is_batch_id(std::string_view text) {
  return text.size() == 32 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string_view to_string(BatchStatus status) {
  switch (status) {
    case BatchStatus::accepted:
      return "accepted";
    case BatchStatus::committed:
      return "committed";
    case BatchStatus::rejected:
      return "rejected";
    case BatchStatus::retracted:
      return "retracted";
  }
  return "";
}

std::optional<BatchStatus> parse_batch_status(std::string_view text) {
  for (const auto status :
       {BatchStatus::accepted, BatchStatus::committed, BatchStatus::rejected, BatchStatus::retracted}) {
    if (to_string(status) == text) return status;
  }
  return std::nullopt;
}

std::string_view to_string(Rejection rejection) {
  switch (rejection) {
    case Rejection::none:
      return "";
    case Rejection::key_conflict:
      return "key-conflict";
    case Rejection::replaces_conflict:
      return "replaces-conflict";
  }
  return "";
}

std::string_view to_string(VersionKind kind) {
  switch (kind) {
    case VersionKind::batch:
      return "batch";
    case VersionKind::retraction:
      return "retraction";
    case VersionKind::places:
      return "places";
  }
  return "";
}

std::string version_tag(Version version, const Digest& chain) {
  return fmt::format("{}-{}", version, hex(std::span{chain}.first(4)));
}

}  // namespace ratebook
