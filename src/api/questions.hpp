// Questions to the store on threads of their own: a store that does not answer holds no thread that others need.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "api/pool.hpp"
#include "runtime/breaker.hpp"
#include "runtime/runtime.hpp"

namespace ratebook::api {

struct QuestionLimits {
  unsigned threads = 16;
  std::size_t waiting_max = 256;
  Duration answer_time_max = std::chrono::milliseconds{500};  ///< for what can be done without the answer
  Duration rest = std::chrono::seconds{1};                    ///< after an answer that did not come in that time
};

/// Thread-safe.
class Questions {
 public:
  Questions(const Runtime& runtime, QuestionLimits limits)
      : runtime_(runtime), limits_(limits), pool_(runtime, limits.threads, limits.waiting_max), breaker_(limits.rest) {}

  /// Work that asks and answers, of a request that waited.
  void post(std::function<void()> work) { pool_.post(std::move(work)); }
  void drop_waiting() { pool_.drop_waiting(); }
  void finish() { pool_.finish(); }

  /// Waits for the answer to `question`, but not long; nullopt: it goes without. While the store is silent one question
  /// at a time tries it.
  template <class T>
  std::optional<T> ask(std::function<T()> question) {
    if (!breaker_.lets_through(runtime_.boot_time())) return std::nullopt;
    const auto asked = std::make_shared<Asked<T>>(runtime_.make_signal());
    const bool taken = pool_.try_post([this, asked, question = std::move(question)] {
      T answer = question();
      {
        const std::lock_guard lock{asked->mutex};
        asked->answer = std::move(answer);
      }
      breaker_.answered();
      asked->answered.notify();
    });
    if (!taken) return std::nullopt;
    const BootTime until = runtime_.boot_time() + limits_.answer_time_max;
    while (true) {
      const std::uint64_t seen = asked->answered.count();
      {
        const std::lock_guard lock{asked->mutex};
        if (asked->answer) return std::move(asked->answer);
      }
      const BootTime now = runtime_.boot_time();
      if (now >= until) break;
      asked->answered.wait_past(seen, until - now);
    }
    breaker_.was_silent(runtime_.boot_time());
    return std::nullopt;
  }

 private:
  template <class T>
  struct Asked {
    explicit Asked(Signal signal) : answered(std::move(signal)) {}

    std::mutex mutex;  ///< guards answer
    std::optional<T> answer;
    Signal answered;
  };

  const Runtime& runtime_;
  const QuestionLimits limits_;
  Pool pool_;
  Breaker breaker_;
};

}  // namespace ratebook::api
