// The promises of the design as checks, made at every step of a simulation: against what clients sent, against what the
// log's order says, and against the store's versions.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "follower/follower.hpp"
#include "sim/broker.hpp"
#include "sim/log_reading.hpp"
#include "sim/scheduler.hpp"
#include "sim/sim_store.hpp"

namespace ratebook::sim {

/// What a client wants to be in: the truth that everything is compared with.
struct Content {
  std::string source;
  std::string key;
  std::string replaces;
  std::vector<Price> prices;
};

/// What a node says that it shows, and what it does show, when it answers.
struct Shown {
  Version named = 0;
  Version visible = 0;
};

struct RatesAsked {
  Version least = 0;
  std::optional<Version> version;  ///< exactly this one
  std::string origin;              ///< a port's code, or a region's slug
  std::string destination;
  Day from;
  Day to;
};

/// What was answered. What counts are those of days that have prices.
struct RatesTold {
  Version version = 0;
  Shown shown;
  std::map<Day, std::uint64_t> counts;
};

struct RatesRefused {
  follower::Visible::View had;  ///< when it was asked
  follower::Visible::View has;  ///< when it answered
  bool waits = true;            ///< it has neither been told to end nor too much to wait for
  Duration waited{};
  Duration wait{};  ///< what it may wait for a version
};

class Checks {
 public:
  Checks(Scheduler& scheduler, StoreServer& server);

  // --- what happens, told as it happens ---
  void appended(std::uint32_t partition, Offset offset, const std::string& bytes);
  /// A record went into another log, which stands where the nodes' log was.
  void appended_elsewhere(const std::string& bytes, bool could_know);
  void decided(std::uint32_t partition, const std::vector<Decided>& decided);
  /// A client asks for this for the first time, under this id.
  void sent(const std::string& id, const Content& content);
  /// put_batch vouched for it; `found_other`: the node had found another log meanwhile.
  void accepted(const std::string& id, const std::string& attempt, const Content& content, bool found_other);
  /// A node says that it is accepted and names no place in the log: only what the store has decided needs none.
  void accepted_before(const std::string& node, const std::string& id, const Content& content);
  /// A node says that the batch is this version.
  void answered(const std::string& node, const std::string& id, const Content& content, Version version,
                const Shown& shown);
  /// A node says 201: one of its own attempts became the version.
  void created(const std::string& node, const std::string& id, const std::set<std::string>& own_attempts);
  /// A node says that a client's places are this version, whose tag is `tag`.
  void places_put(const std::string& node, Version version, const std::string& tag, const Shown& shown);
  /// A node says that the batch was taken out by this version.
  void retracted(const std::string& node, const std::string& id, Version version, const Shown& shown);
  /// A node's log has taken the retraction of a batch that is in, and its client was told so.
  void retraction_accepted(const std::string& id) { retractions_.insert(id); }
  /// A node says that the batch is refused because of its key.
  void refused_by_key(const std::string& id, const Content& content);
  /// A node says that the batch is refused because of what it replaces.
  void refused_by_replaces(const std::string& node, const std::string& id);
  /// A node says that nobody knows the batch.
  void unknown(const std::string& node, const std::string& id, bool was_decided, bool stands_in_log);
  /// A node shows a step.
  void shown(const std::string& node, const follower::Step& step, Version before);
  /// A node was asked for rates of at least version `least`.
  void read(const std::string& node, const RatesAsked& asked, const RatesTold& told);
  /// The same where it did not answer.
  void not_read(const std::string& node, const RatesAsked& asked, const RatesRefused& refused);
  void violated(std::string_view promise, std::string what);
  /// As the store is: what it decides from now on, it decides anew.
  void backed_up() { log_.back_up(); }
  void restored(const std::vector<VersionRow>& former_rows);

  // --- at the end ---
  /// What has not come to rest yet; empty: everything has.
  std::string unsettled(const Broker& broker) const;
  /// That everything accepted was kept.
  void finish();

  /// Decided anew since: what nodes say of the history before is not compared.
  bool is_just_restored() const;

  /// The first promise that was broken, and how; empty: none.
  const std::string& violation() const { return violation_; }

 private:
  /// What a version of that chain holds, of the store's history or, right after a restore, of the one before; nullptr:
  /// there is no such version.
  struct Truth {
    const std::vector<VersionRow>* rows = nullptr;
    const std::vector<NumberedPrice>* content = nullptr;
  };
  Truth truth(const book::Book& book) const;
  void check_new_versions();
  void check_order(const Decided& decided);
  /// The content of the version after `row`, from the content before it.
  std::optional<std::vector<NumberedPrice>> content_after(const VersionRow& row);
  std::vector<NumberedPrice> numbered(const std::string& attempt) const;
  void check_places(const std::string& node, const book::Book& book);
  void check_rates(const std::string& node, const book::Book& book, const std::vector<NumberedPrice>& content);
  void check_counts(const std::string& node, const RatesAsked& asked, const RatesTold& told);
  void check_shown(const std::string& node, Version version, const Shown& shown);

  struct Sending {
    std::uint64_t first_sent = 0;  ///< counts events, to tell before from after
    std::uint64_t accepted = 0;    ///< 0: never
    std::vector<Content> vouched;  ///< what put_batch vouched for under this id
  };
  Scheduler& scheduler_;
  StoreServer& server_;
  LogReading log_;
  std::map<std::string, bool> elsewhere_;  ///< attempts, and whether their node could know that it was another log
  std::map<std::string, std::map<std::string, Sending>> sendings_;  ///< by source, by id
  std::uint64_t events_ = 0;
  std::vector<std::vector<NumberedPrice>> contents_{{}};  ///< by version, sorted
  std::set<std::string> retractions_;                     ///< batches whose retraction was accepted
  std::set<std::string> committed_ids_;
  std::set<std::pair<std::string, std::string>> committed_keys_;
  // The history before a restore.
  std::vector<VersionRow> former_rows_;
  std::vector<std::vector<NumberedPrice>> former_contents_;
  std::optional<Time> restored_at_;
  std::string violation_;
};

}  // namespace ratebook::sim
