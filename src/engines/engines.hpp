// What stands behind the two seams: one SQLite file for both (embedded), or Kafka and PostgreSQL (cluster). Nobody
// after this knows which.
#pragma once
#include <functional>
#include <memory>
#include <stop_token>

#include "log/log.hpp"
#include "obs/logger.hpp"
#include "obs/metrics.hpp"
#include "settings/settings.hpp"
#include "store/store.hpp"

namespace ratebook::engines {

struct Engines {
  std::shared_ptr<void> owner;  ///< of both; goes last
  log::Log* log = nullptr;
  store::Store* store = nullptr;
  std::size_t load_threads = 1;  ///< that the store serves at once
};

/// `settings`, `runtime`, `logger` and `metrics` outlive what is opened.
struct Parts {
  const settings::Settings& settings;
  const Runtime& runtime;
  const obs::Logger& logger;
  obs::Metrics& metrics;
};

/// The file; made where there is none.
Result<Engines> open_embedded(const Parts& parts);
/// Kafka and PostgreSQL. Where they do not answer it says so and tries again, until stopped (Failure::unavailable);
/// what no waiting mends is returned.
Result<Engines> open_cluster(const Parts& parts, const std::stop_token& stop);

}  // namespace ratebook::engines
