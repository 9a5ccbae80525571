// Sizes and times as people write them: 64MiB, 30s.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ratebook::settings {

/// Digits alone.
std::optional<std::uint64_t> parse_count(std::string_view text);

/// Digits, alone or with B, KiB, MiB, GiB or TiB; nullopt also where 63 bits do not hold it.
std::optional<std::uint64_t> parse_bytes(std::string_view text);
/// With the largest unit that needs no fraction.
std::string format_bytes(std::uint64_t bytes);

/// Digits, alone (seconds) or with ms, s, m, h or d; nullopt also where 63 bits do not hold it.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::milliseconds time);

}  // namespace ratebook::settings
