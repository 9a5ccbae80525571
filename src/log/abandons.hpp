// Abandon records of this node's doubtful attempts (rule 3), appended beside the answers to their clients: a log that
// does not answer delays no answer a second time.
//
//   put_batch ─ doubtful ─▶ add ─▶ queue (bounded) ─▶ one task: append; in vain: at the end again, until 2 T are over
//
// What is dropped is only given up later: by the partition's writer.
#pragma once
#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "log/attempt.hpp"
#include "log/log.hpp"
#include "runtime/runtime.hpp"
#include "runtime/task.hpp"

namespace ratebook::log {

struct AbandonsOptions {
  std::size_t queued_max = 4096;
  Duration keep_time_max = 2 * attempt_time_max;                    ///< afterwards the writer gives them up
  std::chrono::milliseconds rest = std::chrono::milliseconds{500};  ///< after a record that was not appended
};

/// Thread-safe. The log must outlive it.
class Abandons {
 public:
  Abandons(Log& log, const Runtime& runtime, AbandonsOptions options = {});
  Abandons(const Abandons&) = delete;
  Abandons& operator=(const Abandons&) = delete;

  /// Does not block.
  void add(std::uint32_t partition, const std::string& attempt);
  std::size_t queued() const;

 private:
  struct Entry {
    std::uint32_t partition = 0;
    std::string attempt;
    BootTime until{};
  };
  void run(const std::stop_token& stop);
  std::optional<Entry> first() const;

  Log& log_;
  const Runtime& runtime_;
  const AbandonsOptions options_;
  mutable std::mutex mutex_;  ///< guards queue_
  std::deque<Entry> queue_;
  const Signal added_;
  const Signal stopped_;
  Task task_;
};

}  // namespace ratebook::log
