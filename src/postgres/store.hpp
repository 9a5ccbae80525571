// The store in PostgreSQL, for any number of nodes.
//
//   writers ──▶ stage: COPY, a transaction a chunk, several at once ──▶ publish(): one function, one round trip
//   NOTIFY ───▶ Listener ──▶ changed(); what other nodes have proven
//   follower ─▶ primary: one connection, and one write that proves what was read on it before (rule 27)
//   questions ▶ primary: each proves itself by a write in the same transaction, behind what it has read (rule 10)
//   prices ───▶ replica, where it holds the batch or the version with the same chain; else the primary
//
// Each of these has connections of its own (rule 26), and a node has few: listening, what the follower reads,
// publishing and claiming, first chunks, further chunks, clients' questions, prices of a version. Publishing has one:
// publishes of all nodes wait for each other at the row of `head` anyway.
#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "postgres/options.hpp"
#include "postgres/pool.hpp"
#include "postgres/questions.hpp"
#include "postgres/reading.hpp"
#include "postgres/wake.hpp"
#include "runtime/breaker.hpp"
#include "store/proofs.hpp"
#include "store/store.hpp"

namespace ratebook::postgres {

class PostgresStore final : public store::Store {
 public:
  /// Connects, makes what is missing of the tables, and listens. `options` and `runtime` outlive it.
  /// Failure::unavailable: try again; Failure::refused: never will it do.
  static Result<std::unique_ptr<PostgresStore>> open(const PostgresOptions& options, const Runtime& runtime);
  ~PostgresStore() override;

  /// All but the one that listens.
  std::vector<const Pool*> pools() const;

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

  // reading.cpp
  std::unique_ptr<store::Reading> reading() override {
    return std::make_unique<PrimaryReading>(following_, breaker_, options_, runtime_);
  }
  bool confirms_freely() const override { return false; }
  std::vector<store::Head> proven() const override { return proofs_.all(); }

  // store_read.cpp
  Result<store::Head> head() override;
  Result<std::vector<Position>> positions(bool newest) override;
  Result<std::vector<VersionRow>> versions(Version after, std::size_t limit) override;
  Result<std::optional<Batch>> batch(const std::string& id) override;
  Result<std::optional<Batch>> batch_by_key(const std::string& source, const std::string& key) override;
  Result<store::BatchPage> batches(const store::BatchFilter& filter) override;

  // store_prices.cpp
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
  /// One question alone, also to a primary that is none any more.
  Result<Rows> ask_without_proof(const Statement& question);
  Result<std::optional<Batch>> find_batch(const Statement& question);
  /// nullopt: another transaction holds the partition's row.
  Result<std::optional<store::Claim>> try_claim(std::uint32_t partition);
  /// The ports' numbers; nullopt: some are not known yet.
  Result<std::optional<std::vector<PortNumber>>> find_ports(std::span<const PortCode> codes);
  Result<std::vector<PortNumber>> add_ports(std::span<const PortCode> codes);
  /// Ends, on the server, questions that were given up here.
  Result<void> end_orphaned_questions(Connection& connection);
  /// Deletes the prices of one swept chunk; false: none is left.
  Result<bool> delete_swept(Connection& connection);
  /// A commit of this node has proven `head`, which it stood on or made.
  void note_proof(const store::Head& head);
  Result<void> tell_proof(Connection& connection);
  /// Whether another node has told of one that is new here.
  bool hear_proof(std::string_view said);
  void listen(const std::stop_token& stop);
  Result<void> listen_once(const std::stop_token& stop);

  const PostgresOptions& options_;
  const Runtime& runtime_;
  Signal changed_;
  Breaker breaker_;
  Servers primaries_;
  Pool following_;     ///< one, for all that the follower reads: it is one thread
  Pool publishing_;    ///< one, for claims, too
  Pool first_chunks_;  ///< most batches have no other chunk: they wait for none of a large one
  Pool chunks_;
  Pool questions_;
  Pool scans_;
  Servers replicas_;
  std::unique_ptr<Pool> replica_scans_;  ///< null: there is no replica
  std::uint32_t partition_count_ = 0;
  store::Proofs proofs_;
  std::mutex proof_to_tell_mutex_;
  std::optional<store::Head> proof_to_tell_;  ///< the other nodes
  Wake has_proof_;                            ///< wakes the listener
  std::jthread listener_;
};

}  // namespace ratebook::postgres
