// Sends what must arrive exactly once: the same request again and again until the server has said yes or no, then
// follows it by its Location until it is decided.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "client/answers.hpp"
#include "client/client.hpp"
#include "model/error.hpp"

namespace ratebook::client {

/// Time and chance, passed in.
struct Pace {
  std::function<std::chrono::milliseconds()> now;  ///< never goes back
  std::function<void(std::chrono::milliseconds)> sleep;
  std::function<double()> chance;  ///< 0..1: spreads those who wait for the same server
};
Pace machine_pace();

struct Again {
  std::string reason;                ///< why the try before did not count
  std::chrono::milliseconds wait{};  ///< until the next one
};

struct Retries {
  std::chrono::milliseconds time_max{60'000};  ///< from the first failure to the last try; 0: one try only
  std::function<void(const Again&)> before;    ///< told before each wait
};

/// Tries until an answer other than 429 and 5xx comes, or the time is over: then the last answer or fault. `make`
/// is called for each try (a body is read once only) and must make the same request each time. Retry-After is honoured;
/// a longer one than the time that is left ends it.
Result<Answer> send_until_answered(Client& client, const std::function<Request()>& make, const Retries& retries,
                                   const Pace& pace);

struct Follow {
  std::chrono::milliseconds time_max{600'000};
  std::function<void()> waiting;  ///< called at each look
};

/// Looks at `location` (as a Location header named it) until the batch has another status than `passing` or the time
/// is over; then as it stands. Broken connections, 404, 429 and 5xx meanwhile are outlived. `before` is the batch as
/// known so far.
Result<BatchAnswer> follow_batch(Client& client, std::string_view location, BatchAnswer before,
                                 std::string_view passing, const Follow& follow, const Pace& pace);

/// The seconds of a Retry-After header; nullopt: none, or a date, which would need a shared clock.
std::optional<std::chrono::milliseconds> retry_after(const Answer& answer);

/// 32 hexadecimal characters from the system's randomness: a fresh Idempotency-Key.
std::string fresh_key();

}  // namespace ratebook::client
