// The follower's questions, on one connection that is kept until they are confirmed (rules 10 and 27).
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "postgres/pool.hpp"
#include "runtime/breaker.hpp"
#include "store/store.hpp"

namespace ratebook::postgres {

class PrimaryReading final : public store::Reading {
 public:
  /// Its connection comes from `pool` with the first question, and goes back with the end of this.
  PrimaryReading(Pool& pool, Breaker& breaker, const PostgresOptions& options, const Runtime& runtime)
      : pool_(pool), breaker_(breaker), options_(options), runtime_(runtime) {}

  Result<store::Head> head() override;
  Result<std::vector<VersionRow>> versions(Version after, std::size_t limit) override;
  Result<PlacesDocument> places(Version at) override;
  Result<void> prices_of(const std::string& attempt, const store::PriceSink& sink) override;
  Result<void> confirm() override;
  std::uint64_t session() const override { return session_; }

 private:
  /// The one connection, never made anew. Failure::unavailable: none can be had, or it has broken.
  Result<Connection*> connection(BootTime deadline);
  Result<std::vector<Rows>> ask(std::span<const Statement> questions, Effect effect, Duration at_most);

  Pool& pool_;
  Breaker& breaker_;
  const PostgresOptions& options_;
  const Runtime& runtime_;
  std::optional<Pool::Lease> lease_;
  std::uint64_t session_ = 0;
};

}  // namespace ratebook::postgres
