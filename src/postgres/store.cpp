#include "postgres/store.hpp"

#include <fmt/format.h>

#include <array>

#include "postgres/schema.hpp"

namespace ratebook::postgres {

PostgresStore::PostgresStore(const PostgresOptions& options, const Runtime& runtime)
    : options_(options),
      runtime_(runtime),
      changed_(runtime.make_signal()),
      breaker_(options.question_time),
      primary_(options.primary, options.connections_max, options, runtime),
      staging_(options.primary, options.stage_connections, options, runtime),
      attempts_(options.primary, 1, options, runtime),
      scans_(options.primary, options.scan_connections, options, runtime) {
  if (!options.replica.empty()) {
    replica_scans_ = std::make_unique<Pool>(options.replica, options.scan_connections, options, runtime);
  }
}

PostgresStore::~PostgresStore() = default;

Result<std::unique_ptr<PostgresStore>> PostgresStore::open(const PostgresOptions& options, const Runtime& runtime) {
  std::unique_ptr<PostgresStore> store{new PostgresStore{options, runtime}};
  {
    auto lease = store->primary_.lease();
    if (!lease) return std::unexpected(lease.error());
    if (auto migrated = migrate(**lease, options.partitions); !migrated) return std::unexpected(migrated.error());
  }
  const auto rows = store->ask(Statement{"SELECT count(*) FROM log_partition"});
  if (!rows) return std::unexpected(rows.error());
  store->partition_count_ = rows->integer_as<std::uint32_t>(0, 0);
  store->listener_ = std::jthread{[self = store.get()](const std::stop_token& stop) { self->listen(stop); }};
  return store;
}

Result<Rows> PostgresStore::ask(const Statement& question) {
  const BootTime began = runtime_.boot_time();
  const auto failed = [&](const Fault& fault) {
    const BootTime now = runtime_.boot_time();
    if (now - began >= options_.question_time) breaker_.was_silent(now);
    // Nothing is in doubt but what was read.
    return fail(Failure::unavailable, fault.message);
  };
  auto lease = primary_.lease(options_.question_time);
  if (!lease) return failed(lease.error());
  const std::array statements{question, Statement{proving_write}};
  auto rows = (*lease)->run(statements, Effect::change, options_.question_time);
  if (!rows) return failed(rows.error());
  breaker_.answered();
  return std::move(rows->front());
}

Result<Rows> PostgresStore::ask_briefly(const Statement& question) {
  if (breaker_.lets_through(runtime_.boot_time())) return ask(question);
  return fail(Failure::unavailable, "PostgreSQL was silent a moment ago, and is not asked again yet");
}

void PostgresStore::listen(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (const auto listened = listen_once(stop); !listened) {
      options_.report(listened.error());
      runtime_.sleep(std::chrono::milliseconds{200});
    }
  }
}

Result<void> PostgresStore::listen_once(const std::stop_token& stop) {
  auto connection = Connection::open(options_.primary, options_, runtime_);
  if (!connection) return std::unexpected(connection.error());
  if (auto listening = connection->run(Statement{"LISTEN ratebook"}, Effect::none); !listening) {
    return std::unexpected(listening.error());
  }
  // What came while nobody listened.
  changed_.notify();
  Duration until_look = Duration{0};
  constexpr Duration nap = std::chrono::milliseconds{200};
  while (!stop.stop_requested()) {
    const auto came = connection->await_notifications(nap);
    if (!came) return std::unexpected(came.error());
    if (*came > 0) changed_.notify();
    until_look -= nap;
    if (*came > 0 || until_look > Duration{0}) continue;
    // Also proves that the connection still leads somewhere.
    const auto deleted = delete_swept(*connection);
    if (!deleted) return std::unexpected(deleted.error());
    if (!*deleted) until_look = options_.poll_interval;
  }
  return {};
}

Result<bool> PostgresStore::delete_swept(Connection& connection) {
  const auto rows = connection.run(
      Statement{"WITH one AS (DELETE FROM swept_chunk WHERE number = "
                "(SELECT number FROM swept_chunk LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING number), "
                "gone AS (DELETE FROM price WHERE chunk = (SELECT number FROM one)) SELECT number FROM one"},
      Effect::change);
  if (!rows) return std::unexpected(rows.error());
  return rows->size() > 0;
}

}  // namespace ratebook::postgres
