#include "sim/trace.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <iterator>
#include <string>

namespace ratebook::sim {

void Trace::mix(std::uint64_t value) {
  digest_ = (digest_ ^ value) * 0x100000001B3ULL;
  digest_ ^= digest_ >> 29;
}

void Trace::mix(std::string_view text) {
  for (const char c : text) mix(static_cast<std::uint64_t>(static_cast<unsigned char>(c)));
}

void Trace::explain(std::string_view what) const {
  if (verbose_) fmt::print("{:>23} {}\n", "", what);
}

void Trace::note(Duration at, std::string_view who, std::string_view what, std::initializer_list<std::uint64_t> numbers,
                 std::string_view text) {
  ++event_count_;
  mix(static_cast<std::uint64_t>(at.count()));
  mix(who);
  mix(what);
  for (const std::uint64_t number : numbers) mix(number);
  mix(text);
  if (!verbose_) return;
  std::string line = fmt::format("{:12.6f} {:<9} {}", static_cast<double>(at.count()) * 1e-9, who, what);
  for (const std::uint64_t number : numbers) fmt::format_to(std::back_inserter(line), " {}", number);
  fmt::print("{}{}{}\n", line, text.empty() ? "" : " ", text);
  std::fflush(stdout);
}

}  // namespace ratebook::sim
