// Look-ups of batches in the log by their place, on threads of their own: a log that does not answer delays nobody who
// asks memory or the store, and each look-up has a bound (rule 25).
#pragma once
#include <deque>
#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "api/pool.hpp"
#include "api/problems.hpp"
#include "log/attempt.hpp"
#include "runtime/breaker.hpp"

namespace ratebook::api {

struct LookUpLimits {
  unsigned threads = 16;
  std::size_t waiting_max = 256;
  Duration wait_max = std::chrono::seconds{2};  ///< for a thread
  Duration rest = std::chrono::seconds{1};      ///< of a partition that did not answer, between two that try it
};

/// Thread-safe.
class LookUps {
 public:
  using Found = std::expected<std::optional<BatchHeader>, Problem>;

  LookUps(log::Log& log, const Runtime& runtime, LookUpLimits limits = {});

  /// Calls `done` once: on a thread of its own, or at once where too many wait.
  void find(log::Place place, const std::string& id, std::function<void(Found)> done);
  void drop_waiting() { pool_.drop_waiting(); }
  void finish() { pool_.finish(); }

 private:
  Found look(log::Place place, const std::string& id);

  log::Log& log_;
  const Runtime& runtime_;
  const LookUpLimits limits_;
  std::deque<Breaker> breakers_;  ///< by partition
  Pool pool_;
};

}  // namespace ratebook::api
