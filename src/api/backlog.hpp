// The bound on what is accepted and not yet decided, batches and retractions, of each source and in all: what is on its
// way into the log counts, too, so that no number of uploads at once goes beyond it (rule 25).
#pragma once
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "api/outcomes.hpp"
#include "api/problems.hpp"

namespace ratebook::api {

struct BacklogLimits {
  std::size_t per_source_max = 1000;  ///< batches and retractions, not decided yet
  std::size_t all_max = 5000;         ///< of all sources together
  std::uint64_t bytes_per_source_max = 1U << 30;
  std::uint64_t bytes_max = std::uint64_t{4} << 30;
};

/// Thread-safe. Outlives its places.
class Backlog {
 public:
  Backlog(const Outcomes& outcomes, BacklogLimits limits) : outcomes_(outcomes), limits_(limits) {}
  Backlog(const Backlog&) = delete;
  Backlog& operator=(const Backlog&) = delete;

  /// One record's, until it is accepted (Outcomes counts it from then on) or surely not in.
  class Place {
   public:
    Place(Backlog& backlog, std::string source, std::uint64_t bytes)
        : backlog_(backlog), source_(std::move(source)), bytes_(bytes) {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { backlog_.leave(source_, bytes_); }

   private:
    Backlog& backlog_;
    const std::string source_;
    const std::uint64_t bytes_;
  };

  /// For a record of this source with so many bytes of prices, packed; or why it must wait until others are decided:
  /// 429, or 503 where all sources together have too much. A batch that is larger than its bound goes in alone.
  std::expected<std::unique_ptr<Place>, Problem> enter(const std::string& source, std::uint64_t bytes = 0);
  /// The same question, without taking a place: the size is not known yet.
  std::optional<Problem> too_much(const std::string& source) const;

 private:
  std::optional<Problem> full(const std::string& source, std::uint64_t bytes) const;
  void leave(const std::string& source, std::uint64_t bytes);

  const Outcomes& outcomes_;
  const BacklogLimits limits_;
  mutable std::mutex mutex_;  ///< guards all below
  std::map<std::string, Waiting> coming_;
  Waiting all_coming_;
};

}  // namespace ratebook::api
