// Time, randomness and tasks, passed in and never reached for: on a machine they are the operating system's
// (machine_runtime), in a simulation one thread plays them all under a simulated clock.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "model/batch.hpp"

namespace ratebook {

using Duration = std::chrono::nanoseconds;
using BootTime = std::chrono::nanoseconds;  ///< since boot; runs on while the machine is suspended

/// Wakes waiters. Count first, look whether there is work, then wait past that count: no wake-up is lost.
///   seen = signal.count(); if (nothing to do) signal.wait_past(seen, 100ms);
struct Signal {
  std::function<std::uint64_t()> count;
  std::function<void()> notify;  ///< adds one to the count, wakes all
  /// Returns when the count has passed `seen` or the time is over; may return early for no reason.
  std::function<void(std::uint64_t seen, Duration at_most)> wait_past;
};

/// Waits until a task has ended; for one caller, before it is dropped.
using Join = std::function<void()>;

struct Runtime {
  std::function<BootTime()> boot_time;
  std::function<WallTime()> wall_time;
  std::function<void(Duration)> sleep;
  std::function<void(std::span<std::uint8_t>)>
      fill_random;  ///< for ids and jitter; on a machine from the system's CSPRNG
  std::function<Signal()> make_signal;
  /// Runs `body` as a task of its own. On a machine that is a thread; std::system_error: there is no room for one.
  std::function<Join(std::function<void()> body)> spawn;
};

/// 32 hexadecimal characters of randomness: attempts, fresh idempotency keys.
std::string random_id(const Runtime& runtime);

/// The operating system's clock, randomness and threads.
Runtime machine_runtime();

}  // namespace ratebook
