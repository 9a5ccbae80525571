// The simulated store: one database shared by all nodes, what a fail-over leaves of the primary before, and each node's
// way to it.
//
//   SimStore (node 1) ──delays, lost answers, late commits──▶ primary
//   SimStore (node 2) ──a connection that noticed nothing──▶ former primary: answers reads, commits nothing
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/database.hpp"
#include "sim/scheduler.hpp"
#include "sim/settings.hpp"
#include "store/proofs.hpp"
#include "store/store.hpp"

namespace ratebook::sim {

class SimStore;

/// What all nodes share of the store.
struct StoreServer {
  StoreServer(Scheduler& scheduler_in, Settings& settings_in)
      : scheduler(scheduler_in),
        settings(settings_in),
        primary(std::make_shared<Database>(settings_in.partition_count, settings_in.plant)) {}

  /// The primary goes on as another machine; what the former one shows besides is `phantom`.
  void fail_over(const std::function<void(Database&)>& phantom);
  /// Keeps what the primary has.
  void back_up();
  /// The store goes on from its backup. A port came first that the history before did not have: those that the backup
  /// lacks get other numbers.
  void restore();
  /// Tells the checks at once and the nodes in time.
  void changed(std::uint32_t partition, const std::vector<Decided>& decided);
  /// Tells the nodes in time that a commit has proven this.
  void proven(const store::Head& head);

  Scheduler& scheduler;
  Settings& settings;
  std::shared_ptr<Database> primary;
  std::shared_ptr<Database> former;  ///< nullptr: gone for good
  std::shared_ptr<const Database> backup;
  std::uint64_t fail_over_count = 0;
  std::uint64_t restore_count = 0;
  bool held = false;  ///< a commit waits with its locks
  Time down_until{};
  std::map<std::string, SimStore*> listeners;  ///< by node
  std::function<void(std::uint32_t partition, const std::vector<Decided>& decided)> observer;
};

class SimStore : public store::Store {
 public:
  SimStore(StoreServer& server, std::string node);

  std::uint32_t partition_count() const override { return server_.primary->partition_count(); }
  const Signal& changed() const override { return changed_; }

  Result<store::Claim> claim(std::uint32_t partition) override;
  Result<std::vector<Position>> positions(bool) override;
  Result<std::vector<PortNumber>> number_ports(std::span<const PortCode> codes) override;
  double stage_rest() const override { return server_.settings.embedded ? 0 : 1; }
  Result<void> stage(const store::StageRequest& request) override;
  Result<std::vector<store::Outcome>> publish(const store::PublishRequest& request) override;

  Result<Version> put_places(const PlacesDocument& put, const std::optional<std::string>& expected,
                             WallTime now) override;
  Result<PlacesDocument> places(Version at) override;
  Result<store::Head> places_head(Version at) override;

  std::unique_ptr<store::Reading> reading() override;
  bool confirms_freely() const override { return settings_.embedded; }
  std::vector<store::Head> proven() const override { return proofs_.all(); }
  /// A commit of this node, or of another that tells of it, has proven this.
  void take_proof(const store::Head& head);

  Result<store::Head> head() override;
  Result<std::vector<VersionRow>> versions(Version after, std::size_t limit) override;
  Result<std::optional<store::VersionChunk>> next_chunk(const store::Head& at,
                                                        std::optional<store::ChunkName> after) override;
  Result<void> prices_at(const store::Head& at, const store::PriceFilter& filter,
                         const store::PriceSink& sink) override;

  Result<std::optional<Batch>> batch(const std::string& id) override;
  Result<std::optional<Batch>> batch_by_key(const std::string& source, const std::string& key) override;
  Result<store::BatchPage> batches(const store::BatchFilter& filter) override;

  Time cut_off_until{};                                                    ///< this node does not reach the store
  std::function<store::Head()> shown = [] { return store::Head{}; };       ///< by this node: for a planted bug
  std::function<std::optional<BatchHeader>(const std::string& id)> tried;  ///< by this node: for a planted bug

 private:
  class FollowerReading;
  /// The right to one of the calls that a node may have under way at once; who came first goes first.
  class Lease;
  struct Connection {
    std::shared_ptr<Database> database;  ///< nullptr: it is broken, or not made yet
    std::uint64_t fail_over_count = 0;   ///< when it was made, or when it last noticed one
    std::uint64_t number = 0;
  };
  enum class Kind { quick, commit };  ///< a commit may be held, or end with its primary
  template <class T>
  using Transaction = std::function<Result<T>(Database&)>;

  template <class T>
  Result<T> write(Kind kind, const Transaction<T>& transaction);
  template <class T>
  Transaction<T> of_this_history(const Transaction<T>& transaction) const;
  template <class T>
  std::optional<Result<T>> commit_in_trouble(const Transaction<T>& transaction);
  /// A question on a connection that has not broken; else Failure::unavailable, and it breaks.
  template <class T>
  Result<T> ask_on(Connection& connection, const Transaction<T>& query);
  /// A client's question, which proves itself.
  template <class T>
  Result<T> ask(const Transaction<T>& query);
  /// One that nobody confirms: a chain proves the answer.
  template <class T>
  Result<T> read(const Transaction<T>& query);
  Result<void> confirm_on(Connection& connection);
  Result<void> pass_on(const Result<std::vector<NumberedPrice>>& prices, const store::PriceSink& sink);
  Result<std::vector<store::Outcome>> publish_whole(store::PublishRequest request);
  /// The task's own, made anew where it is broken.
  Connection& connection();
  void connect_anew(Connection& connection);
  /// What a fail-over has left of it.
  void notice_fail_over(Connection& connection);
  bool unreachable() const;

  StoreServer& server_;
  Scheduler& scheduler_;
  Settings& settings_;
  std::string node_;
  Signal changed_;
  store::Proofs proofs_;
  std::map<std::uint64_t, Connection> connections_;  ///< by task
  Connection follower_connection_;
  std::uint64_t connection_count_ = 0;
  std::uint32_t calls_ = 0;           ///< under way
  std::deque<const Lease*> callers_;  ///< that wait
  Signal call_ended_;
};

}  // namespace ratebook::sim
