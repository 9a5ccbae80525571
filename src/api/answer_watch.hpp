// Watches what is answered: counts by route and status, how long it took by route, and log lines of those that are
// worth one. Lean: it runs for every answer on its core. No line holds a query or a header's value but ids.
#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "http/server.hpp"
#include "obs/logger.hpp"
#include "obs/metrics.hpp"

namespace ratebook::api {

struct AccessLog {
  /// errors: status 500 and above; slow: these, and what took slow_time or longer.
  enum class Lines { off, errors, slow, all };
  Lines lines = Lines::slow;
  std::chrono::milliseconds slow_time{1'000};
};

class AnswerWatch {
 public:
  AnswerWatch(obs::Metrics& metrics, const obs::Logger& logger, const std::vector<http::Route>& routes,
              AccessLog access_log);

  void answered(const http::Answered& answered);

 private:
  static constexpr std::size_t statuses = 600;
  struct PerRoute {
    std::string name;
    obs::Histogram seconds;
    std::array<std::atomic<const obs::Counter*>, statuses> by_status{};
  };
  PerRoute& route(std::string_view name);
  const obs::Counter& counter(PerRoute& route, unsigned status);
  bool has_line(const http::Answered& answered) const;

  obs::Metrics& metrics_;
  const obs::Logger& logger_;
  const AccessLog access_log_;
  std::vector<std::unique_ptr<PerRoute>> routes_;  ///< the last: none of them
  std::mutex mutex_;                               ///< guards counters_
  std::vector<std::unique_ptr<const obs::Counter>> counters_;
};

}  // namespace ratebook::api
