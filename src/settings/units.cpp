#include "settings/units.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <span>
#include <utility>

namespace ratebook::settings {
namespace {

using Unit = std::pair<std::string_view, std::uint64_t>;
// The smallest first.
constexpr std::array<Unit, 5> byte_units{
    {{"B", 1}, {"KiB", 1ULL << 10U}, {"MiB", 1ULL << 20U}, {"GiB", 1ULL << 30U}, {"TiB", 1ULL << 40U}}};
constexpr std::array<Unit, 5> time_units{{{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};

std::optional<std::uint64_t> parse(std::string_view text, std::span<const Unit> units, std::string_view unit_if_none) {
  std::uint64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view written{at, end};
  const auto unit = written.empty() ? unit_if_none : written;
  for (const auto& [name, factor] : units) {
    if (name != unit) continue;
    if (number > std::uint64_t{std::numeric_limits<std::int64_t>::max()} / factor) return std::nullopt;
    return number * factor;
  }
  return std::nullopt;
}

std::string format(std::uint64_t amount, std::span<const Unit> units) {
  auto unit = units.front();
  for (const auto& each : units) {
    if (amount % each.second == 0 && amount > 0) unit = each;
  }
  return std::to_string(amount / unit.second).append(unit.first);
}

}  // namespace

std::optional<std::uint64_t> parse_count(std::string_view text) {
  constexpr std::array<Unit, 1> none{{{"", 1}}};
  return parse(text, none, "");
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) { return parse(text, byte_units, "B"); }

std::string format_bytes(std::uint64_t bytes) { return format(bytes, byte_units); }

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto found = parse(text, time_units, "s");
  if (!found) return std::nullopt;
  return std::chrono::milliseconds{static_cast<std::int64_t>(*found)};
}

std::string format_duration(std::chrono::milliseconds time) {
  return time.count() == 0 ? "0s" : format(static_cast<std::uint64_t>(time.count()), time_units);
}

}  // namespace ratebook::settings
