// For tests of other folders: a store of which each test answers what it asks for.
#pragma once
#include "runtime/runtime.hpp"
#include "store/store.hpp"

namespace ratebook::store::testing {

/// Whatever is asked of it fails, Failure::unavailable, unless a test's store says otherwise.
class UnaskedStore : public Store {
 public:
  explicit UnaskedStore(const Runtime& runtime) : changed_(runtime.make_signal()) {}

  std::uint32_t partition_count() const override { return 1; }
  const Signal& changed() const override { return changed_; }
  Result<Claim> claim(std::uint32_t) override { return none(); }
  Result<std::vector<Position>> positions(bool) override { return none(); }
  Result<std::vector<PortNumber>> number_ports(std::span<const PortCode>) override { return none(); }
  Result<void> stage(const StageRequest&) override { return none(); }
  Result<std::vector<Outcome>> publish(const PublishRequest&) override { return none(); }
  Result<Version> put_places(const PlacesDocument&, const std::optional<std::string>&, WallTime) override {
    return none();
  }
  Result<PlacesDocument> places(Version) override { return none(); }
  Result<Head> places_head(Version) override { return none(); }
  std::unique_ptr<Reading> reading() override { return std::make_unique<PassedOn>(*this); }
  Result<Head> head() override { return none(); }
  Result<std::vector<VersionRow>> versions(Version, std::size_t) override { return none(); }
  Result<void> prices_at(const Head&, const PriceFilter&, const PriceSink&) override { return none(); }
  Result<std::optional<VersionChunk>> next_chunk(const Head&, std::optional<ChunkName>) override { return none(); }
  Result<std::optional<Batch>> batch(const std::string&) override { return none(); }
  Result<std::optional<Batch>> batch_by_key(const std::string&, const std::string&) override { return none(); }
  Result<BatchPage> batches(const BatchFilter&) override { return none(); }

  // What readings pass on to.
  virtual Result<void> prices_of(const std::string&, const PriceSink&) { return none(); }
  virtual Result<void> confirm() { return none(); }
  virtual std::uint64_t session() const { return 0; }

 private:
  class PassedOn final : public Reading {
   public:
    explicit PassedOn(UnaskedStore& store) : store_(store) {}
    Result<Head> head() override { return store_.head(); }
    Result<std::vector<VersionRow>> versions(Version after, std::size_t limit) override {
      return store_.versions(after, limit);
    }
    Result<PlacesDocument> places(Version at) override { return store_.places(at); }
    Result<void> prices_of(const std::string& attempt, const PriceSink& sink) override {
      return store_.prices_of(attempt, sink);
    }
    Result<void> confirm() override { return store_.confirm(); }
    std::uint64_t session() const override { return store_.session(); }

   private:
    UnaskedStore& store_;
  };

  static std::unexpected<Fault> none() { return fail(Failure::unavailable, "not asked for"); }

  Signal changed_;
};

}  // namespace ratebook::store::testing
