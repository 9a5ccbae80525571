// Counts answers by route and status, and how long they took by route. Lean: it runs for every answer on its core.
#pragma once
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "http/server.hpp"
#include "obs/metrics.hpp"

namespace ratebook::api {

class RequestMetrics {
 public:
  RequestMetrics(obs::Metrics& metrics, const std::vector<http::Route>& routes);

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
  std::vector<std::unique_ptr<PerRoute>> routes_;  ///< the last: none of them
  std::mutex mutex_;                               ///< guards counters_
  std::vector<std::unique_ptr<const obs::Counter>> counters_;
};

}  // namespace ratebook::api
