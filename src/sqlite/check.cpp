#include "sqlite/check.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "log/record.hpp"
#include "model/cents.hpp"
#include "model/places.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/file_lock.hpp"
#include "sqlite/price_checksum.hpp"
#include "sqlite/read_only.hpp"
#include "sqlite/wal_tie.hpp"

namespace ratebook::sqlite {
namespace {

constexpr std::uint64_t rows_per_progress = 100'000;

class Check {
 public:
  Check(Connection& db, const CheckOptions& options) : db_(db), options_(options) {}

  /// `first`: what was found before it was opened.
  CheckReport run(std::vector<std::string> first) {
    report_.findings = std::move(first);
    price_count_ = static_cast<std::uint64_t>(number("SELECT count(*) FROM price"));
    pages();
    versions();
    batches();
    ports();
    chunks();
    records();
    return std::move(report_);
  }

 private:
  template <class... Values>
  void find(fmt::format_string<Values...> text, Values&&... values) {
    if (report_.findings.size() < options_.findings_max) {
      report_.findings.push_back(fmt::format(text, std::forward<Values>(values)...));
    } else {
      ++report_.findings_left_out;
    }
  }

  /// What could not be read is a finding, too; the checks after it still tell what they can.
  void end_of(std::string_view what) {
    if (const auto fault = db_.take_fault()) find("{}: cannot be read on: {}", what, fault->message);
  }

  std::int64_t number(std::string_view sql) {
    Query query{db_, sql};
    const std::int64_t found = query.next() ? query.integer(0) : 0;
    end_of(sql);
    return found;
  }

  void pages() {
    options_.progress("pages", 0, 1);
    {
      Query row{db_, "SELECT * FROM pragma_integrity_check(100)"};
      while (row.next()) {
        if (row.text(0) != "ok") find("pages: {}", row.text(0));
      }
    }
    end_of("pages");
    {
      Query row{db_, "SELECT \"table\", coalesce(rowid, 0), parent FROM pragma_foreign_key_check"};
      while (row.next()) find("{}: row {} names none of {}", row.text(0), row.integer(1), row.text(2));
    }
    end_of("foreign keys");
  }

  /// The places of a change, as it left them.
  std::string digest_of_places(Version version) {
    PlacesDocument places;
    Query region{db_, "SELECT slug, name, parent_slug FROM region WHERE version = ? ORDER BY ordinal", version};
    while (region.next()) {
      places.regions.push_back({std::string{region.text(0)}, std::string{region.text(1)}, std::string{region.text(2)}});
    }
    Query port{db_,
               "SELECT port.code, place.name, place.parent_slug, place.closed FROM port_place AS place "
               "JOIN port ON port.number = place.port WHERE place.version = ? ORDER BY place.port",
               version};
    while (port.next()) {
      places.ports.push_back({.code = std::string{port.text(0)},
                              .name = std::string{port.text(1)},
                              .parent_slug = std::string{port.text(2)},
                              .closed = port.integer(3) != 0});
    }
    return places_digest(places);
  }

  void versions() {
    const auto total = static_cast<std::uint64_t>(number("SELECT count(*) FROM version"));
    {
      Query row{db_,
                "SELECT v.version, v.kind, v.chain, b.id, b.version, b.retracted_version, r.id, r.retracted_version "
                "FROM version AS v LEFT JOIN batch AS b ON b.sequence = v.batch "
                "LEFT JOIN batch AS r ON r.sequence = v.replaced ORDER BY v.version"};
      while (row.next()) {
        version(row);
        if (report_.version % 1000 == 0) options_.progress("versions", report_.version, total);
      }
    }
    end_of("versions");
  }

  void version(const Query& row) {
    const auto expected = report_.version + 1;
    const auto found = row.integer_as<Version>(0);
    if (found != expected) find("version {}: is missing; after {} comes {}", expected, expected - 1, found);
    const auto kind = row.integer_as<VersionKind>(1);
    const std::string id{row.text(3)};
    const Digest chain = row.digest(2);
    const std::string content = kind == VersionKind::places ? digest_of_places(found) : id;
    // A gap breaks the chain once, not from there on.
    if (found == expected && chain != chain_after(report_.chain, found, static_cast<std::uint8_t>(kind), content)) {
      find("version {}: breaks the chain: what it says is not what was committed", found);
    }
    if (kind == VersionKind::batch && row.integer_as<Version>(4) != found) {
      find("version {}: its batch {} says version {}", found, id, row.integer(4));
    }
    if (kind == VersionKind::retraction && row.integer_as<Version>(5) != found) {
      find("version {}: batch {} says that it was retracted at {}", found, id, row.integer(5));
    }
    if (!row.is_null(6) && row.integer_as<Version>(7) != found) {
      find("version {}: batch {}, which it replaces, says that it was retracted at {}", found, row.text(6),
           row.integer(7));
    }
    report_.version = found;
    report_.chain = chain;
  }

  void batches() {
    const auto total = static_cast<std::uint64_t>(number("SELECT count(*) FROM batch"));
    {
      Query row{db_,
                "SELECT b.id, b.source, b.idempotency_key, b.digest, b.status, b.version, b.retracted_version, "
                "b.price_count, (SELECT v.batch FROM version AS v WHERE v.version = b.version) IS b.sequence, "
                "count(m.chunk), coalesce(max(m.chunk) + 1, 0), coalesce(sum(m.price_count), 0) "
                "FROM batch AS b LEFT JOIN marker AS m ON m.attempt = b.attempt GROUP BY b.sequence "
                "ORDER BY b.sequence"};
      while (row.next()) {
        batch(row);
        if (++report_.batches % 1000 == 0) options_.progress("batches", report_.batches, total);
      }
    }
    end_of("batches");
  }

  void batch(const Query& row) {
    const std::string_view id = row.text(0);
    if (batch_id(row.text(1), row.text(2), row.digest(3)) != id) {
      find("batch {}: its source, key and digest make another id", id);
    }
    const auto status = row.integer_as<BatchStatus>(4);
    if (status == BatchStatus::rejected) {
      if (row.integer(5) != 0) find("batch {}: was rejected, and names version {}", id, row.integer(5));
      return;
    }
    if (row.integer(8) == 0) find("batch {}: version {} is not its own", id, row.integer(5));
    if ((status == BatchStatus::retracted) != (row.integer(6) != 0)) {
      find("batch {}: is {}, and was retracted at version {}", id, to_string(status), row.integer(6));
    }
    if (row.integer(9) != row.integer(10))
      find("batch {}: of {} chunks {} are there", id, row.integer(10), row.integer(9));
    if (row.integer(7) != row.integer(11)) {
      find("batch {}: of {} prices its chunks hold {}", id, row.integer(7), row.integer(11));
    }
  }

  void ports() {
    ports_ = number("SELECT count(*) FROM port");
    const std::int64_t last = number("SELECT coalesce(max(number), -1) FROM port");
    if (last + 1 != ports_) find("ports: {} are there, and the last has number {}", ports_, last);
  }

  void chunks() {
    std::int64_t rows = 0;
    // An older file is checked as it is, not migrated first.
    const std::string_view checksum = number("PRAGMA user_version") < 2 ? "NULL" : "checksum";
    {
      Query marker{db_,
                   fmt::format("SELECT attempt, chunk, first_row, price_count, first_day, last_day, {} FROM marker "
                               "ORDER BY first_row",
                               checksum)};
      while (marker.next()) {
        chunk(marker);
        rows += marker.integer(3);
      }
    }
    end_of("chunks");
    if (static_cast<std::uint64_t>(rows) != price_count_) {
      find("prices: {} rows are there, the chunks name {}", price_count_, rows);
    }
  }

  void chunk(const Query& marker) {
    const std::int64_t first = marker.integer(2);
    std::int64_t count = 0;
    std::int64_t wrong = 0;
    checksum_.restart();
    {
      Query price{db_, "SELECT orig, dest, day, cents FROM price WHERE row BETWEEN ? AND ? ORDER BY row", first,
                  first + marker.integer(3) - 1};
      NumberedPrice before;
      while (price.next()) {
        const NumberedPrice now{price.integer_as<PortNumber>(0), price.integer_as<PortNumber>(1),
                                Day{price.integer_as<std::int32_t>(2)}, Cents{price.integer_as<std::uint32_t>(3)}};
        const bool is_right = price.integer(0) >= 0 && price.integer(0) < ports_ && price.integer(1) >= 0 &&
                              price.integer(1) < ports_ && price.integer(2) >= marker.integer(4) &&
                              price.integer(2) <= marker.integer(5) && price.integer(3) > 0 &&
                              price.integer(3) <= cents_max.value && (count == 0 || before <= now);
        wrong += is_right ? 0 : 1;
        before = now;
        checksum_.add({&now, 1});
        ++count;
        if (++report_.prices % rows_per_progress == 0) options_.progress("prices", report_.prices, price_count_);
      }
    }
    end_of(fmt::format("attempt {}, chunk {}", marker.text(0), marker.integer(1)));
    if (count != marker.integer(3)) {
      find("attempt {}, chunk {}: of {} prices {} are there", marker.text(0), marker.integer(1), marker.integer(3),
           count);
    }
    if (wrong > 0) {
      find("attempt {}, chunk {}: {} prices cannot be what was sent (port, day, amount or order)", marker.text(0),
           marker.integer(1), wrong);
    }
    if (count == marker.integer(3) && wrong == 0 && !marker.is_null(6) && marker.integer(6) != checksum_.value()) {
      find("attempt {}, chunk {}: prices were changed", marker.text(0), marker.integer(1));
    }
  }

  void records() {
    {
      Query row{db_,
                "SELECT r.partition, r.offset, r.bytes, p.position_offset FROM log_record AS r "
                "JOIN log_partition AS p ON p.partition = r.partition"};
      while (row.next()) {
        ++report_.records_waiting;
        const auto decoded = log::decode(row.bytes(2));
        if (!decoded) find("log {}-{}: {}", row.integer(0), row.integer(1), decoded.error().message);
        if (row.integer(1) <= row.integer(3)) {
          find("log {}-{}: stands behind the position {}", row.integer(0), row.integer(1), row.integer(3));
        }
      }
    }
    end_of("log");
  }

  Connection& db_;
  const CheckOptions& options_;
  CheckReport report_;
  PriceChecksum checksum_;
  std::uint64_t price_count_ = 0;
  std::int64_t ports_ = 0;
};

}  // namespace

Result<CheckReport> check_file(const std::string& path, const CheckOptions& options) {
  std::vector<std::string> findings;
  std::error_code error;
  const bool is_there = std::filesystem::exists(path, error);
  if (auto own = check_wal_is_own(path); is_there && !own) findings.push_back(own.error().message);
  auto opened = findings.empty() || is_locked(path) ? open_to_read(path) : open_to_read_alone(path);
  if (!opened) return std::unexpected(opened.error());
  Connection& db = **opened;
  db.run("BEGIN");
  return Check{db, options}.run(std::move(findings));
}

}  // namespace ratebook::sqlite
