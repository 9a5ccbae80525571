// Places: the newest and those of every version before.
#include <fmt/format.h>

#include <array>

#include "model/places.hpp"
#include "postgres/places_json.hpp"
#include "postgres/store.hpp"

namespace ratebook::postgres {
namespace {

constexpr std::string_view places_head_question =
    "SELECT version, chain FROM version WHERE kind = 3 AND version <= $1 ORDER BY version DESC LIMIT 1";

store::Head head_in(const Rows& rows) {
  if (rows.size() == 0) return {};
  return {.version = rows.integer_as<Version>(0, 0), .chain = rows.digest(0, 1)};
}

std::optional<Fault> fault_of_tag(const store::Head& standing, const std::optional<std::string>& expected) {
  const std::string tag = version_tag(standing.version, standing.chain);
  if (expected ? *expected == tag && standing.version > 0 : standing.version == 0) return std::nullopt;
  if (standing.version == 0) return Fault{Failure::conflict, "there are no places yet: put them without a tag"};
  return Fault{Failure::conflict, fmt::format("the places are those of {} now: read them again", tag)};
}

}  // namespace

std::array<Statement, 2> places_questions(Version at) {
  constexpr std::string_view places_version = "(SELECT max(version) FROM version WHERE kind = 3 AND version <= $1)";
  const auto limit = std::min<Version>(at, INT64_MAX);
  return {Statement{fmt::format("SELECT slug, name, coalesce(parent_slug, '') FROM region WHERE version = {} "
                                "ORDER BY ordinal",
                                places_version),
                    limit},
          Statement{fmt::format("SELECT port.code, coalesce(place.name, port.code), coalesce(place.parent_slug, ''), "
                                "coalesce(place.closed, true) FROM port LEFT JOIN port_place AS place "
                                "ON place.version = {} AND place.port = port.number ORDER BY port.number",
                                places_version),
                    limit}};
}

PlacesDocument places_in(const Rows& regions, const Rows& ports) {
  PlacesDocument places;
  for (int row = 0; row < regions.size(); ++row) {
    places.regions.push_back({regions.text(row, 0), regions.text(row, 1), regions.text(row, 2)});
  }
  for (int row = 0; row < ports.size(); ++row) {
    places.ports.push_back({.code = ports.text(row, 0),
                            .name = ports.text(row, 1),
                            .parent_slug = ports.text(row, 2),
                            .closed = ports.integer(row, 3) != 0});
  }
  return places;
}

Result<Version> PostgresStore::put_places(const PlacesDocument& put, const std::optional<std::string>& expected,
                                          WallTime now) {
  if (const auto problems = check_places(put, 1); !problems.empty()) {
    return fail(Failure::refused, fmt::format("{}: {}", problems.front().field, problems.front().message));
  }
  auto lease = questions_.lease();
  if (!lease) return std::unexpected(lease.error());
  Connection& connection = **lease;
  const auto [regions, ports] = places_questions(INT64_MAX);
  const std::array first{Statement{"SELECT FROM head FOR UPDATE"},
                         Statement{"LOCK TABLE port IN SHARE ROW EXCLUSIVE MODE"},
                         Statement{places_head_question, INT64_MAX}, regions, ports};
  const auto standing = connection.begin(first);
  if (!standing) return std::unexpected(standing.error());
  if (auto fault = fault_of_tag(head_in((*standing)[2]), expected)) {
    connection.roll_back();
    return std::unexpected(*std::move(fault));
  }
  const PlacesDocument next = replace_places(places_in((*standing)[3], (*standing)[4]), put);
  const auto made = connection.within(
      Statement{"SELECT put_places(convert_to($1, 'UTF8'), $2, $3)", places_digest(next), places_json(next), now});
  if (!made) {
    connection.roll_back();
    return std::unexpected(made.error());
  }
  if (auto committed = connection.commit(); !committed) return std::unexpected(committed.error());
  changed_.notify();
  return made->integer_as<Version>(0, 0);
}

Result<PlacesDocument> PostgresStore::places(Version at) {
  auto lease = questions_.lease();
  if (!lease) return std::unexpected(lease.error());
  const auto [regions, ports] = places_questions(at);
  const std::array statements{regions, ports, Statement{proving_write}};
  const auto rows = (*lease)->run(statements, Effect::change);
  if (!rows) return fail(Failure::unavailable, rows.error().message);
  return places_in((*rows)[0], (*rows)[1]);
}

Result<store::Head> PostgresStore::places_head(Version at) {
  const auto rows = ask_briefly(Statement{places_head_question, std::min<Version>(at, INT64_MAX)});
  if (!rows) return std::unexpected(rows.error());
  return head_in(*rows);
}

}  // namespace ratebook::postgres
