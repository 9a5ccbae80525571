#include <algorithm>

#include "engines/engines.hpp"
#include "kafka/kafka_metrics.hpp"
#include "postgres/store.hpp"

namespace ratebook::engines {
namespace {

constexpr Duration wait_before_retry = std::chrono::seconds{1};

/// Kafka and PostgreSQL as one node holds them, and what they were told.
struct Held {
  postgres::PostgresOptions postgres_options;
  kafka::KafkaOptions kafka_options;
  std::unique_ptr<postgres::PostgresStore> store;
  std::unique_ptr<kafka::KafkaLog> log;
};

bool may_pass(Failure failure) {
  return failure == Failure::unavailable || failure == Failure::unknown || failure == Failure::full;
}

/// Tries until it is open, refused for good, or stopped.
template <class Open>
auto open_in_time(const Parts& parts, const std::stop_token& stop, const Open& open) {
  while (true) {
    auto opened = open();
    if (opened || !may_pass(opened.error().failure) || stop.stop_requested()) return opened;
    parts.logger.warning(opened.error().message);
    parts.runtime.sleep(wait_before_retry);
  }
}

}  // namespace

Result<Engines> open_cluster(const Parts& parts, const std::stop_token& stop) {
  const auto held = std::make_shared<Held>();
  const auto report = [&logger = parts.logger](const Fault& fault) { logger.warning(fault.message); };
  held->postgres_options = parts.settings.postgres;
  held->postgres_options.report = report;
  held->kafka_options = parts.settings.kafka;
  held->kafka_options.report = report;
  held->postgres_options.partitions = held->kafka_options.partitions;
  held->postgres_options.void_keep += held->kafka_options.log_keep;
  auto store =
      open_in_time(parts, stop, [&] { return postgres::PostgresStore::open(held->postgres_options, parts.runtime); });
  if (!store) return std::unexpected(store.error());
  held->store = *std::move(store);
  auto log = open_in_time(parts, stop, [&]() -> Result<std::unique_ptr<kafka::KafkaLog>> {
    const auto positions = held->store->positions(true);
    if (!positions) return std::unexpected(positions.error());
    const bool has_position = std::ranges::any_of(*positions, [](const Position& each) { return each.offset >= 0; });
    return kafka::KafkaLog::open(held->kafka_options, parts.runtime, {held->store->partition_count(), has_position});
  });
  if (!log) return std::unexpected(log.error());
  held->log = *std::move(log);
  kafka::add_metrics(*held->log, parts.metrics);
  for (const postgres::Pool* pool : held->store->pools()) {
    const obs::Labels labels{{"work", pool->work()}};
    parts.metrics.gauge(
        "ratebook_postgres_connections_in_use", "Connections in use, by what they are for.",
        [pool] { return static_cast<double>(pool->in_use()); }, labels);
    parts.metrics.gauge(
        "ratebook_postgres_connections_awaited", "Threads that wait for one of them.",
        [pool] { return static_cast<double>(pool->waiting()); }, labels);
  }
  const auto& options = held->postgres_options;
  return Engines{held, held->log.get(), held->store.get(),
                 options.replica.empty() ? options.scan_connections : options.replica_connections};
}

}  // namespace ratebook::engines
