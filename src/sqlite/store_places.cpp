// Places: the newest and those of every version before.
#include <fmt/format.h>

#include "model/places.hpp"
#include "sqlite/sqlite_store.hpp"

namespace ratebook::sqlite {
namespace {

std::optional<Fault> check_expected(const store::Head& standing, const std::optional<std::string>& expected) {
  const std::string tag = version_tag(standing.version, standing.chain);
  if (expected ? *expected == tag && standing.version > 0 : standing.version == 0) return std::nullopt;
  if (standing.version == 0) return Fault{Failure::conflict, "there are no places yet: put them without a tag"};
  return Fault{Failure::conflict, fmt::format("the places are those of {} now: read them again", tag)};
}

void insert_places(Connection& db, const PlacesDocument& places, Version version, std::size_t known_ports) {
  for (std::size_t i = 0; i < places.regions.size(); ++i) {
    const auto& region = places.regions[i];
    db.run("INSERT INTO region VALUES (?, ?, ?, ?, nullif(?, ''))", version, i, region.slug, region.name,
           region.parent_slug);
  }
  for (std::size_t number = 0; number < places.ports.size(); ++number) {
    const auto& port = places.ports[number];
    if (number >= known_ports) db.run("INSERT INTO port VALUES (?, ?)", number, port.code);
    db.run("INSERT INTO port_place VALUES (?, ?, ?, nullif(?, ''), ?)", version, number, port.name, port.parent_slug,
           port.closed);
  }
}

}  // namespace

PlacesDocument read_places(Connection& db, Version at) {
  const store::Head head = read_places_head(db, at);
  PlacesDocument places;
  Query region{db, "SELECT slug, name, parent_slug FROM region WHERE version = ? ORDER BY ordinal", head.version};
  while (region.next()) {
    places.regions.push_back({std::string{region.text(0)}, std::string{region.text(1)}, std::string{region.text(2)}});
  }
  Query port{db,
             "SELECT port.code, coalesce(place.name, port.code), place.parent_slug, coalesce(place.closed, 1) "
             "FROM port LEFT JOIN port_place AS place ON place.version = ? AND place.port = port.number "
             "ORDER BY port.number",
             head.version};
  while (port.next()) {
    places.ports.push_back({.code = std::string{port.text(0)},
                            .name = std::string{port.text(1)},
                            .parent_slug = std::string{port.text(2)},
                            .closed = port.integer(3) != 0});
  }
  return places;
}

Result<Version> SqliteStore::put_places(const PlacesDocument& put, const std::optional<std::string>& expected,
                                        WallTime now) {
  if (const auto problems = check_places(put, 1); !problems.empty()) {
    return fail(Failure::refused, fmt::format("{}: {}", problems.front().field, problems.front().message));
  }
  if (auto room = side_.check_room(); !room) return std::unexpected(room.error());
  WriteSide::Turn turn{side_};
  Connection& db = turn.db();
  const store::Head standing = read_places_head(db, INT64_MAX);
  const PlacesDocument current = read_places(db, INT64_MAX);
  store::Head head = read_head(db);
  if (auto checked = turn.check(); !checked) return std::unexpected(checked.error());
  if (auto fault = check_expected(standing, expected)) return std::unexpected(*std::move(fault));
  if (auto begun = turn.begin(); !begun) return std::unexpected(begun.error());
  const PlacesDocument next = replace_places(current, put);
  add_version(db, head, VersionKind::places, places_digest(next), std::nullopt, std::nullopt, now);
  insert_places(db, next, head.version, current.ports.size());
  if (auto checked = turn.check(); !checked) return std::unexpected(checked.error());
  if (auto committed = turn.commit(); !committed) return std::unexpected(committed.error());
  changed_.notify();
  return head.version;
}

Result<PlacesDocument> SqliteStore::places(Version at) {
  auto lease = quick_.lease();
  if (!lease) return std::unexpected(lease.error());
  PlacesDocument places = read_places(lease->db(), at);
  return lease->db().result(std::move(places));
}

Result<store::Head> SqliteStore::places_head(Version at) {
  auto lease = quick_.lease();
  if (!lease) return std::unexpected(lease.error());
  const store::Head head = read_places_head(lease->db(), at);
  return lease->db().result(head);
}

}  // namespace ratebook::sqlite
