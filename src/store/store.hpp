// The seam to the store, the system of record: staged prices, batches, versions, places, the writer's positions.
//
//   stage(attempt, chunk)  prices stand there, invisible      ┐
//   stage(attempt, chunk)                                     │ any number, any connection, at any time
//   publish(…)             position, epoch, markers, key      ┘ → batch row, version row: visible, all at once
//
// Implementations: sqlite::File (embedded), postgres::PostgresStore (cluster), sim::SimStore. All calls may block; none
// may be called under a lock.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "model/batch.hpp"
#include "model/error.hpp"
#include "model/places.hpp"
#include "model/price.hpp"
#include "runtime/runtime.hpp"

namespace ratebook::store {

/// A partition as a writer takes it over: its epoch raised by one, which shuts out every writer before.
struct Claim {
  std::uint64_t epoch = 0;
  Position position;
};

struct NumberedPort {
  PortNumber number = 0;
  PortCode code;
};

struct StageRequest {
  std::uint32_t partition = 0;
  std::uint64_t epoch = 0;
  std::string attempt;
  std::uint32_t chunk = 0;
  std::span<const NumberedPrice> prices;  ///< sorted; numbers from number_ports
  std::span<const NumberedPort> ports;    ///< those of the prices
};

/// Make the batch whose chunks 0..chunk_count-1 are staged under `attempt` a version.
struct CommitDecision {
  BatchHeader header;
  std::string attempt;
  std::uint32_t chunk_count = 0;
};

struct RetractDecision {
  std::string batch_id;
};

using Decision = std::variant<CommitDecision, RetractDecision>;

/// A record of the log that says nothing valid, kept for people to look at.
struct BadRecord {
  Offset offset = 0;
  std::string bytes;
  std::string why;
};

struct PublishRequest {
  std::uint32_t partition = 0;
  std::uint64_t epoch = 0;
  Position expected;                ///< where the partition's position must stand
  Position next;                    ///< where it stands afterwards
  std::vector<Decision> decisions;  ///< in the order of the log; none: only the position moves
  std::vector<BadRecord> bad_records;
  /// Attempts that the log has decided against: their prices and markers go, unless a batch counts them. Where a log
  /// can still deliver what was sent long ago, they stay void for ever: see Outcome::Kind::swept_before.
  std::vector<std::string> swept;
  WallTime now = 0;
};

struct Outcome {
  enum class Kind : std::uint8_t {
    committed,          ///< is `version` now
    repeat,             ///< the same id was decided before: nothing changed, `version` is what it became (0: rejected)
    key_conflict,       ///< other content under the same source and key: rejected, with a row that says so
    replaces_conflict,  ///< what it replaces is not there to replace: rejected, with a row that says so
    retracted,          ///< taken out as `version`
    already_retracted,  ///< at `version`
    not_committed,      ///< no committed batch has this id: nothing changed
    /// The attempt was swept: its chunks came late, behind the position of the record that abandons it, where a writer
    /// that began behind that record takes them for a batch. Nothing changed. A log that is part of the store delivers
    /// nothing late and needs no memory of it.
    swept_before,
  };
  Kind kind = Kind::committed;
  Version version = 0;
};

struct Head {
  Version version = 0;
  Digest chain{};

  bool operator==(const Head&) const = default;
};

struct BatchFilter {
  std::optional<std::string> source;
  std::optional<BatchStatus> status;
  std::uint64_t before = UINT64_MAX;  ///< only batches with a smaller sequence number: the cursor
  std::size_t limit = 100;            ///< 1..1000
};

struct BatchPage {
  std::vector<Batch> batches;           ///< newest decided first
  std::optional<std::uint64_t> before;  ///< cursor of the next page; nullopt: this is the last
};

/// One of `count` parts, so that several threads may read at once: of what passes a filter, each price is in one part,
/// whenever that is asked for.
struct Part {
  std::size_t index = 0;  ///< 0..count-1
  std::size_t count = 1;
};

/// What of a version's prices is asked for. Empty vectors: all ports.
struct PriceFilter {
  std::vector<PortNumber> origs;  ///< sorted
  std::vector<PortNumber> dests;  ///< sorted
  Day from = day_min;
  Day to = day_max;
  Part part;
};

/// Takes prices as they are read, some thousands at a time, each span sorted. Return false to stop.
using PriceSink = std::function<bool(std::span<const NumberedPrice>)>;

/// A staged chunk of a committed batch, named by the batch's version. In this order an export reads them.
struct ChunkName {
  Version version = 0;
  std::uint32_t chunk = 0;
};
struct VersionChunk {
  ChunkName name;
  std::vector<NumberedPrice> prices;  ///< sorted
};

/// What the follower asks, all of it on one connection to the primary. Nothing that was read here counts before
/// confirm() says so (rules 10 and 27). For one thread and a short time: a store may have one connection for all of
/// them.
class Reading {
 public:
  virtual ~Reading() = default;

  virtual Result<Head> head() = 0;
  /// Rows after `after`, ascending, at most `limit`.
  virtual Result<std::vector<VersionRow>> versions(Version after, std::size_t limit) = 0;
  /// The places of a version; ports in the order of their numbers, also those added since.
  virtual Result<PlacesDocument> places(Version at) = 0;
  /// All prices staged under an attempt. Failure::not_found: no batch counts it here, as after a restore.
  virtual Result<void> prices_of(const std::string& attempt, const PriceSink& sink) = 0;
  /// Proves all that was read here before, by one small write that begins afterwards and commits without a warning.
  /// Failure::unavailable: it did not, or the connection has broken since the first of these reads: they count for
  /// nothing, and this Reading is of no more use.
  virtual Result<void> confirm() = 0;
  /// Names the connection, from the first read on: another number means that the server may be another, too.
  virtual std::uint64_t session() const { return 0; }
};

class Store {
 public:
  virtual ~Store() = default;

  virtual std::uint32_t partition_count() const = 0;
  /// Notified after each publish and change of places that this node learns of.
  virtual const Signal& changed() const = 0;

  // --- the writer ---
  /// Raises the partition's epoch and returns it with the position.
  virtual Result<Claim> claim(std::uint32_t partition) = 0;
  /// All partitions' positions, in order. `newest`: they prove themselves, as other answers do; otherwise it is cheap,
  /// and a primary that is none any more may say where they were.
  virtual Result<std::vector<Position>> positions(bool newest) = 0;
  /// The ports' numbers, in the order asked. A port that the store lacks is added as closed, named by its code.
  virtual Result<std::vector<PortNumber>> number_ports(std::span<const PortCode> codes) = 0;
  /// Stores one chunk with its marker, in one transaction. A chunk whose marker stands already is not stored again.
  /// Failure::lost: the epoch is another, or, where a store can be restored under its nodes, a port's number is.
  virtual Result<void> stage(const StageRequest& request) = 0;
  /// How many calls of stage() at once, from as many threads, are quicker than one after the other.
  virtual std::size_t stage_width() const { return 1; }
  /// How long a large batch rests after each such round of stage(), so that what others write passes: a multiple of
  /// what the round took.
  virtual double stage_rest() const { return 0; }
  /// One transaction; outcomes in the order of the decisions. Failure::lost: position or epoch is another.
  /// Failure::not_found: an attempt's markers or counts are not all there: stage again. Failure::unknown: look up.
  /// After any failure but unknown nothing has changed.
  virtual Result<std::vector<Outcome>> publish(const PublishRequest& request) = 0;

  // --- places ---
  /// Applies replace_places as a new version, where the newest change of places is tagged `expected` (version_tag), or,
  /// with nullopt, where there are no places yet. Failure::conflict otherwise, with the tag that stands.
  virtual Result<Version> put_places(const PlacesDocument& put, const std::optional<std::string>& expected,
                                     WallTime now) = 0;
  /// The places of a version; ports in the order of their numbers, also those added since.
  virtual Result<PlacesDocument> places(Version at) = 0;
  /// The newest version of kind places that is not after `at`; version 0 where there is none.
  virtual Result<Head> places_head(Version at) = 0;

  // --- the follower ---
  virtual std::unique_ptr<Reading> reading() = 0;
  /// Whether Reading::confirm() costs the store nothing, so that it may be called at each notification.
  virtual bool confirms_freely() const { return true; }
  /// Some newest versions that a commit has proven already (rule 27): a publish of this node or of another, which
  /// committed without a warning, made them or found them made. A row with the same version and chain counts, wherever
  /// it was read.
  virtual std::vector<Head> proven() const { return {}; }

  // --- versions ---
  virtual Result<Head> head() = 0;
  /// Rows after `after`, ascending, at most `limit`.
  virtual Result<std::vector<VersionRow>> versions(Version after, std::size_t limit) = 0;
  /// All prices of version `at` that pass the filter, in any order of spans. Failure::not_found: it is not here, or has
  /// another chain, as after a restore.
  virtual Result<void> prices_at(const Head& at, const PriceFilter& filter, const PriceSink& sink) = 0;
  /// The chunk after `after` (nullopt: the first) of those that version `at` holds; nullopt: there is none. What a
  /// version of one chain holds never changes, so calls one after the other read it whole, however long a time lies
  /// between them. Failure::not_found as above.
  virtual Result<std::optional<VersionChunk>> next_chunk(const Head& at, std::optional<ChunkName> after) = 0;

  // --- batches ---
  virtual Result<std::optional<Batch>> batch(const std::string& id) = 0;
  /// The batch that holds this key: committed or retracted, never a rejected one.
  virtual Result<std::optional<Batch>> batch_by_key(const std::string& source, const std::string& key) = 0;
  virtual Result<BatchPage> batches(const BatchFilter& filter) = 0;
};

}  // namespace ratebook::store
