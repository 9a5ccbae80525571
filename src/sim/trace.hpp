// What happened, event by event: as a digest that tells two runs apart, and as lines for people where they want them.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "runtime/runtime.hpp"

namespace ratebook::sim {

class Trace {
 public:
  explicit Trace(bool verbose) : verbose_(verbose) {}

  /// `who` did or met `what`, with numbers that tell it apart.
  void note(Duration at, std::string_view who, std::string_view what, std::initializer_list<std::uint64_t> numbers = {},
            std::string_view text = {});
  /// A line for people that the digest leaves out.
  void explain(std::string_view what) const;
  bool is_verbose() const { return verbose_; }
  /// A task or effect runs: too many for lines.
  void step(Duration at, std::uint64_t task) {
    mix(static_cast<std::uint64_t>(at.count()));
    mix(task);
  }
  std::uint64_t digest() const { return digest_; }
  std::uint64_t event_count() const { return event_count_; }

 private:
  void mix(std::uint64_t value);
  void mix(std::string_view text);

  bool verbose_;
  std::uint64_t digest_ = 0xCBF29CE484222325ULL;
  std::uint64_t event_count_ = 0;
};

}  // namespace ratebook::sim
