#include "postgres/reading.hpp"

#include <array>

#include "postgres/questions.hpp"

namespace ratebook::postgres {

Result<Connection*> PrimaryReading::connection(BootTime deadline) {
  if (lease_) return &**lease_;
  auto lease = pool_.lease(deadline, deadline);
  if (!lease) return std::unexpected(lease.error());
  lease_.emplace(*std::move(lease));
  session_ = (*lease_)->number();
  if ((*lease_)->is_primarys()) return &**lease_;
  // A standby answers questions, too, and its connections live through its promotion: then it could confirm what it had
  // answered long before.
  const auto standby = (*lease_)->run(std::array{Statement{"SELECT pg_is_in_recovery()"}}, Effect::none,
                                      deadline - runtime_.boot_time());
  if (standby && standby->front().integer(0, 0) == 0) {
    (*lease_)->note_primary();
    return &**lease_;
  }
  (*lease_)->close();
  if (!standby) return std::unexpected(standby.error());
  return fail(Failure::unavailable, "PostgreSQL: this server is a standby");
}

Result<std::vector<Rows>> PrimaryReading::ask(std::span<const Statement> questions, Effect effect, Duration at_most) {
  const BootTime deadline = runtime_.boot_time() + at_most;
  const auto mine = connection(deadline);
  auto rows = mine ? (*mine)->run(questions, effect, deadline - runtime_.boot_time())
                   : Result<std::vector<Rows>>{std::unexpected(mine.error())};
  if (rows) return rows;
  if (const BootTime now = runtime_.boot_time(); now >= deadline) breaker_.was_silent(now);
  // Nothing is in doubt but what was read.
  return fail(Failure::unavailable, rows.error().message);
}

Result<store::Head> PrimaryReading::head() {
  const auto rows = ask(std::array{head_question()}, Effect::none, options_.question_time);
  if (!rows) return std::unexpected(rows.error());
  return newest_in(rows->front());
}

Result<std::vector<VersionRow>> PrimaryReading::versions(Version after, std::size_t limit) {
  const auto rows = ask(std::array{versions_question(after, limit)}, Effect::none, options_.question_time);
  if (!rows) return std::unexpected(rows.error());
  return versions_in(rows->front());
}

Result<PlacesDocument> PrimaryReading::places(Version at) {
  const auto rows = ask(places_questions(at), Effect::none, options_.answer_time);
  if (!rows) return std::unexpected(rows.error());
  return places_in((*rows)[0], (*rows)[1]);
}

Result<void> PrimaryReading::prices_of(const std::string& attempt, const store::PriceSink& sink) {
  const auto mine = connection(runtime_.boot_time() + options_.question_time);
  if (!mine) return std::unexpected(mine.error());
  return read_attempt(**mine, attempt, options_.copied_prices_max, sink);
}

Result<void> PrimaryReading::confirm() {
  const auto rows = ask(std::array{Statement{proving_write}}, Effect::change, options_.question_time);
  if (!rows) return std::unexpected(rows.error());
  breaker_.answered();
  return {};
}

}  // namespace ratebook::postgres
