// The writer's claim, the ports' numbers, and prices on their way in.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <ranges>

#include "postgres/staging.hpp"
#include "postgres/store.hpp"

namespace ratebook::postgres {
namespace {

Fault other_epoch() { return {Failure::lost, "the partition's epoch is another"}; }

Statement count_known(std::span<const store::NumberedPort> ports) {
  const auto joined = [&](auto&& part) {
    return fmt::format("{{{}}}", fmt::join(ports | std::views::transform(part), ","));
  };
  return Statement{
      "SELECT count(*) FROM unnest($1::integer[], $2::text[]) AS asked (number, code) "
      "JOIN port USING (number, code)",
      joined([](const store::NumberedPort& port) { return port.number; }),
      joined([](const store::NumberedPort& port) { return port.code.view(); })};
}

std::map<std::string, PortNumber> ports_in(const Rows& rows) {
  std::map<std::string, PortNumber> known;
  for (int row = 0; row < rows.size(); ++row) known.emplace(rows.text(row, 1), rows.integer_as<PortNumber>(row, 0));
  return known;
}

Statement known_ports(std::span<const PortCode> codes) {
  const auto views = codes | std::views::transform([](const PortCode& code) { return code.view(); });
  return Statement{"SELECT number, code FROM port WHERE code = ANY($1::text[])",
                   fmt::format("{{{}}}", fmt::join(views, ","))};
}

/// A node that is frozen, or gone behind a balancer that lives on, leaves its chunk half sent: PostgreSQL waits for the
/// rest with the partition's row locked, and none of its own limits ends that. After `copy_time` the node has given the
/// connection up, or will as soon as it runs.
Statement end_orphaned_copies(Duration copy_time) {
  return Statement{
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
      "AND usename = current_user AND query LIKE 'COPY price FROM STDIN%' AND wait_event = 'ClientRead' "
      "AND query_start < clock_timestamp() - make_interval(secs => $1::bigint / 1000.0)",
      std::chrono::duration_cast<std::chrono::milliseconds>(copy_time).count()};
}

}  // namespace

/// A publish or chunk of another epoch may hold the row for long. What waits for it does so here, not on the connection
/// over which other partitions publish.
Result<store::Claim> PostgresStore::claim(std::uint32_t partition) {
  if (partition >= partition_count_) return fail(Failure::refused, fmt::format("no partition {}", partition));
  constexpr Duration nap_max = std::chrono::milliseconds{100};
  const BootTime deadline = runtime_.boot_time() + options_.lock_time;
  for (Duration nap = std::chrono::milliseconds{1};; nap = std::min(2 * nap, nap_max)) {
    auto claimed = try_claim(partition);
    if (!claimed) return std::unexpected(claimed.error());
    if (*claimed) return **claimed;
    if (runtime_.boot_time() >= deadline) {
      return fail(Failure::unavailable, fmt::format("PostgreSQL: another transaction holds partition {}", partition));
    }
    runtime_.sleep(nap);
  }
}

Result<std::optional<store::Claim>> PostgresStore::try_claim(std::uint32_t partition) {
  auto lease = publishing_.lease();
  if (!lease) return std::unexpected(lease.error());
  const std::array statements{
      end_orphaned_copies(options_.copy_time()),
      Statement{"WITH mine AS MATERIALIZED "
                "(SELECT partition FROM log_partition WHERE partition = $1 FOR UPDATE SKIP LOCKED) "
                "UPDATE log_partition AS p SET epoch = epoch + 1 FROM mine WHERE p.partition = mine.partition "
                "RETURNING epoch, position_offset, position_digest",
                partition}};
  const auto rows = (*lease)->run(statements, Effect::change);
  if (!rows) return std::unexpected(rows.error());
  const Rows& raised = rows->back();
  if (raised.size() != 1) return std::nullopt;
  return store::Claim{.epoch = raised.integer_as<std::uint64_t>(0, 0),
                      .position = {.offset = raised.integer(0, 1), .digest = raised.digest(0, 2)}};
}

Result<std::vector<PortNumber>> PostgresStore::number_ports(std::span<const PortCode> codes) {
  auto found = find_ports(codes);
  if (!found) return std::unexpected(found.error());
  if (*found) return **std::move(found);
  return add_ports(codes);
}

/// Without a lock: ports never leave, and most are known. A number that a fail-over takes back would name another port
/// afterwards: it is proven like any answer.
Result<std::optional<std::vector<PortNumber>>> PostgresStore::find_ports(std::span<const PortCode> codes) {
  auto lease = first_chunks_.lease();
  if (!lease) return std::unexpected(lease.error());
  const std::array statements{known_ports(codes), Statement{proving_write}};
  const auto rows = (*lease)->run(statements, Effect::change);
  if (!rows) return std::unexpected(rows.error());
  const auto known = ports_in(rows->front());
  std::vector<PortNumber> numbers;
  for (const PortCode code : codes) {
    const auto port = known.find(std::string{code.view()});
    if (port == known.end()) return std::nullopt;
    numbers.push_back(port->second);
  }
  return numbers;
}

Result<std::vector<PortNumber>> PostgresStore::add_ports(std::span<const PortCode> codes) {
  auto lease = first_chunks_.lease();
  if (!lease) return std::unexpected(lease.error());
  Connection& connection = **lease;
  const std::array first{Statement{"LOCK TABLE port IN SHARE ROW EXCLUSIVE MODE"}, known_ports(codes),
                         Statement{"SELECT coalesce(max(number) + 1, 0) FROM port"}};
  const auto begun = connection.begin(first);
  if (!begun) return std::unexpected(begun.error());
  auto known = ports_in((*begun)[1]);
  auto next = (*begun)[2].integer_as<PortNumber>(0, 0);
  std::vector<PortNumber> numbers;
  std::vector<Statement> added;
  for (const PortCode code : codes) {
    const auto [found, is_new] = known.emplace(std::string{code.view()}, next);
    if (is_new) added.emplace_back("INSERT INTO port VALUES ($1, $2)", next++, code.view());
    numbers.push_back(found->second);
  }
  added.emplace_back(proving_write);
  if (auto committed = connection.commit(added); !committed) return std::unexpected(committed.error());
  return numbers;
}

Result<void> PostgresStore::stage(const store::StageRequest& request) {
  if (!std::ranges::is_sorted(request.prices)) return fail(Failure::refused, "a chunk's prices are not sorted");
  auto lease = (request.chunk == 0 ? first_chunks_ : chunks_).lease();
  if (!lease) return std::unexpected(lease.error());
  Connection& connection = **lease;
  const std::array first{
      // Most batches have one chunk. Of larger ones the next waits for this: what they write would pile up in
      // PostgreSQL's log, before the commits of all others.
      Statement{request.chunk == 0 ? without_waiting : "SET LOCAL synchronous_commit = on"},
      Statement{"SELECT epoch FROM log_partition WHERE partition = $1 FOR KEY SHARE", request.partition},
      // In a restored database the epoch may be the same, and the ports that came after the backup have other numbers.
      count_known(request.ports), insert_marker(request.attempt, request.chunk, request.prices)};
  auto begun = connection.begin(first);
  if (!begun) return std::unexpected(begun.error());
  const Rows& epoch = (*begun)[1];
  const bool same_ports = (*begun)[2].integer_as<std::size_t>(0, 0) == request.ports.size();
  const Rows& marker = (*begun)[3];
  const auto put = [&]() -> Result<void> {
    if (epoch.size() != 1 || epoch.integer_as<std::uint64_t>(0, 0) != request.epoch) {
      return std::unexpected(other_epoch());
    }
    if (!same_ports) return fail(Failure::lost, "the store was restored: it has other numbers for the ports");
    if (marker.size() == 0) return {};
    return copy_prices(connection, marker.integer(0, 0), request.prices);
  }();
  if (!put) {
    connection.roll_back();
    return put;
  }
  return connection.commit();
}

}  // namespace ratebook::postgres
