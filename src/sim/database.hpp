// The simulated store's data and transactions, exactly as store.hpp tells them: plain containers that one call changes
// at once. A copy of it is a primary that was one.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/plants.hpp"
#include "store/store.hpp"

namespace ratebook::sim {

/// What a transaction decided, in its order: what the checks compare with the log.
struct Decided {
  enum class Kind : std::uint8_t { committed, rejected, retracted } kind = Kind::committed;
  std::string id;
  std::string attempt;  ///< of the batch
  std::string source;
  Rejection rejection = Rejection::none;
  Version version = 0;
};

class Database {
 public:
  Database(std::uint32_t partition_count, Plant plant);

  // --- transactions; each leaves everything as it was where it fails ---
  store::Claim claim(std::uint32_t partition);
  std::vector<PortNumber> number_ports(std::span<const PortCode> codes);
  Result<void> stage(const store::StageRequest& request);
  Result<std::vector<store::Outcome>> publish(const store::PublishRequest& request, std::vector<Decided>& decided);
  Result<Version> put_places(const PlacesDocument& put, const std::optional<std::string>& expected, WallTime now);

  // --- reads ---
  store::Head head() const;
  std::vector<VersionRow> versions(Version after, std::size_t limit) const;
  Result<PlacesDocument> places(Version at) const;
  store::Head places_head(Version at) const;
  Result<std::vector<NumberedPrice>> prices_of(const std::string& attempt) const;
  /// Whether its version of that number has that chain.
  bool has(const store::Head& at) const;
  Result<std::vector<NumberedPrice>> prices_at(const store::Head& at, const store::PriceFilter& filter) const;
  Result<std::optional<store::VersionChunk>> next_chunk(const store::Head& at,
                                                        std::optional<store::ChunkName> after) const;
  std::optional<Batch> batch(const std::string& id) const;
  std::optional<Batch> batch_by_key(const std::string& source, const std::string& key) const;
  store::BatchPage batches(const store::BatchFilter& filter) const;

  /// A crash of the one process that writes: what was staged and not yet published may be gone.
  void lose_unsynced();
  /// Planted: a version number that no version gets.
  void use_up_version() { ++version_used_; }

  // --- for the checks ---
  std::uint32_t partition_count() const { return static_cast<std::uint32_t>(partitions_.size()); }
  const std::vector<VersionRow>& version_rows() const { return versions_; }
  const Position& position(std::uint32_t partition) const { return partitions_[partition].position; }
  std::uint64_t epoch(std::uint32_t partition) const { return partitions_[partition].epoch; }
  PortNumber port_count() const { return static_cast<PortNumber>(ports_.size()); }
  std::optional<PortNumber> port(PortCode code) const;
  /// Attempts of which something is staged although no batch counts it.
  std::vector<std::string> leftovers() const;
  const std::set<std::pair<std::uint32_t, Offset>>& bad_records() const { return bad_records_; }

 private:
  using Prices = std::shared_ptr<const std::vector<NumberedPrice>>;
  struct Partition {
    std::uint64_t epoch = 0;
    Position position;
  };
  Batch* find(const std::string& id);
  const Batch* find(const std::string& id) const;
  bool is_staged_whole(const store::CommitDecision& decision) const;
  store::Outcome commit(const store::CommitDecision& decision, WallTime now, std::vector<Decided>& decided);
  store::Outcome reject(const store::CommitDecision& decision, Rejection rejection, std::vector<Decided>& decided);
  store::Outcome retract(const store::RetractDecision& decision, WallTime now, std::vector<Decided>& decided);
  void sweep(const std::string& attempt);
  Version add_version(VersionRow row, std::string_view content);

  Plant plant_;
  std::vector<Partition> partitions_;
  std::vector<PortCode> ports_;
  std::map<PortCode, PortNumber> port_numbers_;
  std::map<Version, PlacesDocument> places_;
  std::map<std::string, std::map<std::uint32_t, Prices>> staged_;  ///< by attempt, by chunk
  std::vector<Batch> batches_;                                     ///< in the order decided
  std::map<std::string, std::size_t> batch_by_id_;
  std::map<std::pair<std::string, std::string>, std::size_t> batch_by_key_;
  std::set<std::string> counted_;  ///< attempts that became batches
  std::set<std::string> void_;     ///< attempts that were swept
  std::vector<VersionRow> versions_;
  Version version_used_ = 0;  ///< only for a planted bug: more than versions_ has
  std::set<std::pair<std::uint32_t, Offset>> bad_records_;
};

}  // namespace ratebook::sim
