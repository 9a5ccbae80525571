// How a call of ours says that it failed: a kind that decides what the caller does, and words for people.
#pragma once
#include <expected>
#include <string>

namespace ratebook {

enum class Failure {
  refused,      ///< surely without effect; asking again may help
  unknown,      ///< may have taken effect, now or later: look it up, never assume
  lost,         ///< position or epoch is not ours any more: drop all state, begin as newly assigned
  not_found,    ///< what was named does not exist
  conflict,     ///< what was expected to hold does not
  full,         ///< a bound or the disk is full: 503 with Retry-After
  unavailable,  ///< the engine does not answer now
  damaged,      ///< what was read is not what was written, or is not ours
};

struct Fault {
  Failure failure = Failure::unavailable;
  std::string message;  ///< for people: what, where, how to mend it
};

template <class T>
using Result = std::expected<T, Fault>;

inline std::unexpected<Fault> fail(Failure failure, std::string message) {
  return std::unexpected(Fault{failure, std::move(message)});
}

}  // namespace ratebook
