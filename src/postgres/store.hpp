// The store in PostgreSQL, for any number of nodes.
//
//   writers ──▶ stage: COPY, a transaction a chunk, several at once ──▶ publish(): one function, one round trip
//   NOTIFY ───▶ Listener ──▶ changed()
//   questions ▶ primary: each proves itself by a write in the same transaction, behind what it has read (rule 10)
//   prices ───▶ replica, where it holds the batch or the version with the same chain; else the primary
#pragma once
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "postgres/breaker.hpp"
#include "postgres/options.hpp"
#include "postgres/pool.hpp"
#include "store/store.hpp"

namespace ratebook::postgres {

class PostgresStore final : public store::Store {
 public:
  /// Connects, makes what is missing of the tables, and listens. `options` and `runtime` outlive it.
  /// Failure::unavailable: try again; Failure::refused: never will it do.
  static Result<std::unique_ptr<PostgresStore>> open(const PostgresOptions& options, const Runtime& runtime);
  ~PostgresStore() override;

  /// To the primary, for questions.
  std::size_t connections_in_use() const { return primary_.in_use(); }

  std::uint32_t partition_count() const override { return partition_count_; }
  const Signal& changed() const override { return changed_; }

  // store_stage.cpp
  Result<store::Claim> claim(std::uint32_t partition) override;
  Result<std::vector<PortNumber>> number_ports(std::span<const PortCode> codes) override;
  std::size_t stage_width() const override { return options_.stage_connections; }
  double stage_rest() const override { return static_cast<double>(options_.stage_rest_percent) / 100; }
  Result<void> stage(const store::StageRequest& request) override;

  // store_publish.cpp
  Result<std::vector<store::Outcome>> publish(const store::PublishRequest& request) override;

  // store_places.cpp
  Result<Version> put_places(const PlacesDocument& put, const std::optional<std::string>& expected,
                             WallTime now) override;
  Result<PlacesDocument> places(Version at) override;
  Result<store::Head> places_head(Version at) override;

  // store_read.cpp
  Result<store::Head> head() override;
  Result<std::vector<VersionRow>> versions(Version after, std::size_t limit) override;
  /// Nothing is left to do: whatever is read here proves itself.
  Result<void> confirm() override { return {}; }
  Result<std::optional<Batch>> batch(const std::string& id) override;
  Result<std::optional<Batch>> batch_by_key(const std::string& source, const std::string& key) override;
  Result<store::BatchPage> batches(const store::BatchFilter& filter) override;

  // store_prices.cpp
  Result<void> prices_of(const std::string& attempt, const store::PriceSink& sink) override;
  Result<void> prices_at(const store::Head& at, const store::PriceFilter& filter,
                         const store::PriceSink& sink) override;
  Result<std::optional<store::VersionChunk>> next_chunk(const store::Head& at,
                                                        std::optional<store::ChunkName> after) override;

 private:
  PostgresStore(const PostgresOptions& options, const Runtime& runtime);
  /// One question to the primary, and the write that proves its answer.
  Result<Rows> ask(const Statement& question);
  /// The same, of those that clients ask, any number at once: not of a primary that was silent a moment ago.
  Result<Rows> ask_briefly(const Statement& question);
  Result<std::optional<Batch>> find_batch(const Statement& question);
  /// Ends, on the server, questions that were given up here.
  Result<void> end_orphaned_questions(Connection& connection);
  /// Deletes the prices of one swept chunk; false: none is left.
  Result<bool> delete_swept(Connection& connection);
  void listen(const std::stop_token& stop);
  Result<void> listen_once(const std::stop_token& stop);

  const PostgresOptions& options_;
  const Runtime& runtime_;
  Signal changed_;
  Breaker breaker_;
  Pool primary_;
  Pool staging_;   ///< to the primary, too: so no chunk waits for a question, nor the other way
  Pool attempts_;  ///< one to the primary: what the follower lacks waits for no reader of the past
  Pool scans_;     ///< to the primary
  std::unique_ptr<Pool> replica_scans_;  ///< null: there is no replica
  std::uint32_t partition_count_ = 0;
  std::jthread listener_;
};

/// A write that costs a record in the log and no row: behind it, what the same transaction has read is proven, once it
/// has committed without a warning (PostgreSQL's manual, pg_logical_emit_message).
inline constexpr std::string_view proving_write = "SELECT pg_logical_emit_message(true, 'ratebook', '')";

}  // namespace ratebook::postgres
