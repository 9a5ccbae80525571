// The store in the file. The writer's calls run in the transaction that the appends are in (transaction.hpp), so that a
// small batch is appended, staged and published by one commit; all others read what is committed, from snapshots.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "runtime/runtime.hpp"
#include "sqlite/readers.hpp"
#include "sqlite/transaction.hpp"
#include "store/store.hpp"

namespace ratebook::sqlite {

class SqliteStore final : public store::Store {
 public:
  /// `quick` serves single rows and pages, `steps` all prices of an attempt, `scans` those of a version: so no new
  /// version waits until past ones are read, however many ask for them.
  SqliteStore(WriteSide& side, Readers& quick, Readers& steps, Readers& scans, const Runtime& runtime, Meters& meters,
              std::uint32_t partition_count)
      : side_(side),
        quick_(quick),
        steps_(steps),
        scans_(scans),
        meters_(meters),
        changed_(runtime.make_signal()),
        partition_count_(partition_count) {}

  std::uint32_t partition_count() const override { return partition_count_; }
  const Signal& changed() const override { return changed_; }

  // store_stage.cpp
  Result<store::Claim> claim(std::uint32_t partition) override;
  Result<std::vector<PortNumber>> number_ports(std::span<const PortCode> codes) override;
  Result<void> stage(const store::StageRequest& request) override;

  // store_publish.cpp
  Result<std::vector<store::Outcome>> publish(const store::PublishRequest& request) override;

  // store_places.cpp
  Result<Version> put_places(const PlacesDocument& put, const std::optional<std::string>& expected,
                             WallTime now) override;
  Result<PlacesDocument> places(Version at) override;
  Result<store::Head> places_head(Version at) override;

  // store_read.cpp
  std::unique_ptr<store::Reading> reading() override;
  Result<store::Head> head() override;
  Result<std::vector<Position>> positions(bool) override;
  Result<std::vector<VersionRow>> versions(Version after, std::size_t limit) override;
  Result<std::optional<Batch>> batch(const std::string& id) override;
  Result<std::optional<Batch>> batch_by_key(const std::string& source, const std::string& key) override;
  Result<store::BatchPage> batches(const store::BatchFilter& filter) override;

  // store_prices.cpp
  Result<void> prices_of(const std::string& attempt, const store::PriceSink& sink);
  Result<void> prices_at(const store::Head& at, const store::PriceFilter& filter,
                         const store::PriceSink& sink) override;
  Result<std::optional<store::VersionChunk>> next_chunk(const store::Head& at,
                                                        std::optional<store::ChunkName> after) override;

 private:
  WriteSide& side_;
  Readers& quick_;
  Readers& steps_;
  Readers& scans_;
  Meters& meters_;
  Signal changed_;
  std::uint32_t partition_count_;
};

/// The newest version; all zeros where there is none.
store::Head read_head(Connection& db);
/// The newest version of kind places that is not after `at`.
store::Head read_places_head(Connection& db, Version at);
PlacesDocument read_places(Connection& db, Version at);
/// Appends the version after `head` and moves `head` to it. Batches are named by their sequence numbers.
void add_version(Connection& db, store::Head& head, VersionKind kind, std::string_view content,
                 std::optional<std::int64_t> batch, std::optional<std::int64_t> replaced, WallTime now);

}  // namespace ratebook::sqlite
