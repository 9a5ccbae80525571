// The part of a body that is not decoded yet, and where in the body it stands. Decoders take whole units (an item, a
// record) off its front; what is cut in the middle waits for the next bytes.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "intake/memory_budget.hpp"

namespace ratebook::intake {

class Window {
 public:
  struct Place {
    std::uint64_t byte = 0;    ///< from 0
    std::uint64_t line = 1;    ///< from 1
    std::uint64_t column = 1;  ///< bytes, from 1
  };

  explicit Window(MemoryBudget* budget) : memory_(budget) {}

  /// False: the budget has no memory for it.
  bool append(std::string_view bytes);

  const char* begin() const { return bytes_.data() + taken_; }
  /// A '\0' stands here: scanners stop at it without asking where the end is.
  const char* end() const { return bytes_.data() + bytes_.size(); }
  std::size_t size() const { return bytes_.size() - taken_; }

  /// All before `to` is decoded.
  void take(const char* to) { taken_ = static_cast<std::size_t>(to - bytes_.data()); }

  /// The next '\n'; nullptr: it is not there yet.
  const char* find_line_end() const;
  /// Takes the rest of a line, with its end. False: that is not there yet, all is taken.
  bool skip_line();

  /// While it lives, scanners stop at `at` as they do at the end.
  class Stop {
   public:
    Stop(Window& window, const char* at) : at_(window.bytes_.data() + (at - window.bytes_.data())), kept_(*at_) {
      *at_ = '\0';
    }
    Stop(const Stop&) = delete;
    Stop& operator=(const Stop&) = delete;
    ~Stop() { *at_ = kept_; }

   private:
    char* at_;
    char kept_;
  };

  /// Takes a byte order mark off the front of the body; `may_stand` is false afterwards. False: more bytes must tell.
  bool skip_mark(bool last, bool& may_stand);

  /// Of a byte not before the last one asked for or appended after: lines are counted once, and only when needed.
  Place place_of(const char* at);

 private:
  void count_lines_to(std::size_t at);

  std::string bytes_;
  std::size_t taken_ = 0;
  std::uint64_t dropped_ = 0;     ///< bytes of the body before bytes_
  std::size_t counted_ = 0;       ///< lines are counted up to here in bytes_
  std::uint64_t line_ = 1;        ///< there
  std::uint64_t line_start_ = 0;  ///< byte of the body at which that line begins
  Reservation memory_;
};

}  // namespace ratebook::intake
