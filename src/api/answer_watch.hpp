// Watches what is answered: counts by route and status, how long it took by route, and a log line where a handler
// failed. Lean: it runs for every answer on its core.
#pragma once
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "http/server.hpp"
#include "obs/logger.hpp"
#include "obs/metrics.hpp"

namespace ratebook::api {

class AnswerWatch {
 public:
  AnswerWatch(obs::Metrics& metrics, const obs::Logger& logger, const std::vector<http::Route>& routes);

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

  obs::Metrics& metrics_;
  const obs::Logger& logger_;
  std::vector<std::unique_ptr<PerRoute>> routes_;  ///< the last: none of them
  std::mutex mutex_;                               ///< guards counters_
  std::vector<std::unique_ptr<const obs::Counter>> counters_;
};

}  // namespace ratebook::api
