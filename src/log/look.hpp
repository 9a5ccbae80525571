// A look at the record that a position names: whether this log is the one that the position was written from.
#pragma once
#include <string>

#include "log/log.hpp"

namespace ratebook::log {

struct Look {
  enum class Finding {
    same,
    other,        ///< another record stands there: surely another log
    ends_before,  ///< another log, or a new leader that does not show all of it yet
    trimmed,      ///< another log, or the position has moved on meanwhile
  };
  Finding finding = Finding::same;
  std::string why;  ///< for people: what was found and what to do
  Offset end = 0;   ///< where the log ended; 0: that was not asked
};

/// The position -1 names no record and is true of every log.
Result<Look> look_at(Log& log, std::uint32_t partition, const Position& position);

}  // namespace ratebook::log
