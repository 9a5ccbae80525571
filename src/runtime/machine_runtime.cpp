#include <openssl/rand.h>
#include <time.h>

#include <array>
#include <condition_variable>
#include <mutex>
#include <new>
#include <thread>

#include "runtime/runtime.hpp"

namespace ratebook {
namespace {

Signal make_thread_signal() {
  struct State {
    std::mutex mutex;
    std::condition_variable woken;
    std::uint64_t count = 0;
  };
  const auto state = std::make_shared<State>();
  return {.count =
              [state] {
                const std::lock_guard lock{state->mutex};
                return state->count;
              },
          .notify =
              [state] {
                {
                  const std::lock_guard lock{state->mutex};
                  ++state->count;
                }
                state->woken.notify_all();
              },
          .wait_past =
              [state](std::uint64_t seen, Duration at_most) {
                std::unique_lock lock{state->mutex};
                state->woken.wait_for(lock, at_most, [&] { return state->count > seen; });
              }};
}

Join spawn_thread(std::function<void()> body) {
  const auto thread = std::make_shared<std::thread>(std::move(body));
  return [thread] { thread->join(); };
}

}  // namespace

std::string random_id(const Runtime& runtime) {
  std::array<std::uint8_t, 16> bytes{};
  runtime.fill_random(bytes);
  return hex(bytes);
}

Runtime machine_runtime() {
  return {.boot_time =
              [] {
                timespec now{};
                clock_gettime(CLOCK_BOOTTIME, &now);
                return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
              },
          .wall_time =
              [] {
                return std::chrono::duration_cast<std::chrono::milliseconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                    .count();
              },
          .sleep = [](Duration time) { std::this_thread::sleep_for(time); },
          .fill_random =
              [](std::span<std::uint8_t> bytes) {
                if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) throw std::bad_alloc{};
              },
          .make_signal = make_thread_signal,
          .spawn = spawn_thread};
}

}  // namespace ratebook
