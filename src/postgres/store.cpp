#include "postgres/store.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "postgres/schema.hpp"
#include "postgres/tidy.hpp"

namespace ratebook::postgres {
namespace {

constexpr std::string_view proven = "proven ";

std::string text_of_proof(const store::Head& head) {
  return fmt::format("{}{} {}", proven, head.version, hex(head.chain));
}

/// nullopt: it says something else.
std::optional<store::Head> proof_in(std::string_view said) {
  if (!said.starts_with(proven)) return std::nullopt;
  said.remove_prefix(proven.size());
  store::Head head;
  const auto [end, error] = std::from_chars(said.begin(), said.end(), head.version);
  if (error != std::errc{} || end == said.end() || *end != ' ') return std::nullopt;
  const auto chain = parse_digest({end + 1, said.end()});
  if (!chain) return std::nullopt;
  head.chain = *chain;
  return head;
}

}  // namespace

PostgresStore::PostgresStore(const PostgresOptions& options, const Runtime& runtime)
    : options_(options),
      runtime_(runtime),
      changed_(runtime.make_signal()),
      breaker_(options.question_time),
      following_({"the follower", "one"}, options.primary, 1, primaries_, options, runtime),
      publishing_({"publishing", "one"}, options.primary, 1, primaries_, options, runtime),
      first_chunks_({"first chunks", "postgres.write_connections"}, options.primary, options.write_connections - 1,
                    primaries_, options, runtime),
      chunks_({"chunks", "postgres.stage_connections"}, options.primary, options.stage_connections, primaries_, options,
              runtime),
      questions_({"questions", "postgres.question_connections"}, options.primary, options.question_connections,
                 primaries_, options, runtime),
      scans_({"scans", "postgres.scan_connections"}, options.primary, options.scan_connections, primaries_, options,
             runtime) {
  if (!options.replica.empty()) {
    replica_scans_ = std::make_unique<Pool>(Pool::Purpose{"scans of the replica", "postgres.replica_connections"},
                                            options.replica, options.replica_connections, replicas_, options, runtime);
  }
}

PostgresStore::~PostgresStore() = default;

Result<std::unique_ptr<PostgresStore>> PostgresStore::open(const PostgresOptions& options, const Runtime& runtime) {
  std::unique_ptr<PostgresStore> store{new PostgresStore{options, runtime}};
  {
    auto lease = store->publishing_.lease();
    if (!lease) return std::unexpected(lease.error());
    if (auto migrated = migrate(**lease, options.partitions); !migrated) return std::unexpected(migrated.error());
    const std::array questions{Statement{"SELECT count(*) FROM log_partition"}, Statement{proving_write}};
    const auto rows = (*lease)->run(questions, Effect::change);
    if (!rows) return fail(Failure::unavailable, rows.error().message);
    store->partition_count_ = rows->front().integer_as<std::uint32_t>(0, 0);
  }
  store->listener_ = std::jthread{[self = store.get()](const std::stop_token& stop) { self->listen(stop); }};
  return store;
}

std::vector<const Pool*> PostgresStore::pools() const {
  std::vector<const Pool*> all{&following_, &publishing_, &first_chunks_, &chunks_, &questions_, &scans_};
  if (replica_scans_) all.push_back(replica_scans_.get());
  return all;
}

Result<Rows> PostgresStore::ask(const Statement& question) {
  const BootTime asked = runtime_.boot_time();
  const BootTime deadline = asked + options_.question_time;
  const auto failed = [&](const Fault& fault) {
    const BootTime now = runtime_.boot_time();
    if (now >= deadline) breaker_.was_silent(now);
    // Nothing is in doubt but what was read.
    return fail(Failure::unavailable, fault.message);
  };
  // Half of the time is the server's: what waited its turn for long must not call it silent, nor close a connection
  // over an answer that is on its way.
  auto lease = questions_.lease(asked + options_.question_time / 2, deadline);
  if (!lease && lease.error().failure == Failure::full) return std::unexpected(lease.error());
  if (!lease) return failed(lease.error());
  const std::array statements{question, Statement{proving_write}};
  auto rows = (*lease)->run(statements, Effect::change, deadline - runtime_.boot_time());
  if (!rows) return failed(rows.error());
  breaker_.answered();
  return std::move(rows->front());
}

Result<Rows> PostgresStore::ask_briefly(const Statement& question) {
  if (breaker_.lets_through(runtime_.boot_time())) return ask(question);
  return fail(Failure::unavailable, "PostgreSQL was silent a moment ago, and is not asked again yet");
}

Result<Rows> PostgresStore::ask_without_proof(const Statement& question) {
  const BootTime asked = runtime_.boot_time();
  const BootTime deadline = asked + options_.question_time;
  auto lease = questions_.lease(asked + options_.question_time / 2, deadline);
  if (!lease) return fail(Failure::unavailable, lease.error().message);
  const std::array statements{question};
  auto rows = (*lease)->run(statements, Effect::none, deadline - runtime_.boot_time());
  if (!rows) return fail(Failure::unavailable, rows.error().message);
  return std::move(rows->front());
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
  const std::size_t first = primaries_.first();
  auto connection = Connection::open(options_.primary, options_, runtime_, BootTime::max(), first);
  if (!connection) return std::unexpected(connection.error());
  if (auto listening = connection->run(Statement{"LISTEN ratebook"}, Effect::none); !listening) {
    return std::unexpected(listening.error());
  }
  // What came while nobody listened.
  changed_.notify();
  Tidy tidy{options_, runtime_};
  BootTime look = runtime_.boot_time();
  constexpr Duration nap = std::chrono::milliseconds{200};
  // What listens writes nothing, and would listen for ever to a primary that does not know of its fall. Others notice.
  while (!stop.stop_requested() && primaries_.first() == first) {
    const auto came = connection->await_notifications(nap, has_proof_.socket());
    if (!came) return std::unexpected(came.error());
    for (const auto& said : *came) {
      if (said.empty() || hear_proof(said)) changed_.notify();
    }
    if (auto told = tell_proof(*connection); !told) return told;
    if (runtime_.boot_time() < look) continue;
    if (auto ended = end_orphaned_questions(*connection); !ended) return ended;
    if (auto tidied = tidy.piece(*connection); !tidied) return tidied;
    // Also proves that the connection still leads somewhere.
    const auto deleted = delete_swept(*connection);
    if (!deleted) return std::unexpected(deleted.error());
    if (!*deleted) look = runtime_.boot_time() + options_.poll_interval;
  }
  return {};
}

void PostgresStore::note_proof(const store::Head& head) {
  if (!proofs_.add(head)) return;
  {
    const std::lock_guard lock{proof_to_tell_mutex_};
    proof_to_tell_ = head;
  }
  has_proof_.ring();
}

/// Tells the other nodes of the newest version that this one has proven, so that they need no commit of their own. It
/// is as true as it was when it is lost in a fail-over: its own commit waits for nothing.
Result<void> PostgresStore::tell_proof(Connection& connection) {
  std::optional<store::Head> head;
  {
    const std::lock_guard lock{proof_to_tell_mutex_};
    has_proof_.hush();
    std::swap(head, proof_to_tell_);
  }
  if (!head) return {};
  const auto told = connection.run(Statement{"SELECT set_config('synchronous_commit', 'off', true), "
                                             "pg_notify('ratebook', $1)",
                                             text_of_proof(*head)},
                                   Effect::none);
  // Without it the others find out by themselves.
  if (!told && !connection.is_usable()) return std::unexpected(told.error());
  return {};
}

bool PostgresStore::hear_proof(std::string_view said) {
  const auto head = proof_in(said);
  return head && proofs_.add(*head);
}

/// Without a standby a question never ends, nor does its session when the node has given it up: PostgreSQL looks at
/// neither the client nor a limit while a commit waits. What it waits for is a write of nothing: no commit is cut
/// short.
Result<void> PostgresStore::end_orphaned_questions(Connection& connection) {
  const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(2 * options_.question_time);
  const auto ended =
      connection.run(Statement{"SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                               "AND usename = current_user AND wait_event = 'SyncRep' AND query = $1 "
                               "AND query_start < clock_timestamp() - make_interval(secs => $2::bigint / 1000.0)",
                               proving_write, age.count()},
                     Effect::none);
  if (!ended) return std::unexpected(ended.error());
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
