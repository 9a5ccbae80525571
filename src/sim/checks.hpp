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
  /// A node says that the batch is this version, while it shows `visible`.
  void answered(const std::string& node, const std::string& id, const Content& content, Version version,
                Version visible);
  /// A node says that the batch is refused because of its key.
  void refused_by_key(const std::string& id, const Content& content);
  /// A node shows a step.
  void shown(const std::string& node, const follower::Step& step, Version before);
  /// A node was asked for at least `least` while it showed `had`; nullptr: it did not answer.
  void read(const std::string& node, Version least, const follower::Visible::View& had,
            const follower::Visible::View* answer);
  void violated(std::string_view promise, std::string what);
  /// As the store is: what it decides from now on, it decides anew.
  void backed_up() { log_.back_up(); }
  void restored(const std::vector<VersionRow>& former_rows);

  // --- at the end ---
  /// What has not come to rest yet; empty: everything has.
  std::string unsettled(const Broker& broker) const;
  /// That everything accepted was kept.
  void finish();

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
  bool is_just_restored() const;
  void check_new_versions();
  void check_order(const Decided& decided);
  /// The content of the version after `row`, from the content before it.
  std::optional<std::vector<NumberedPrice>> content_after(const VersionRow& row);
  std::vector<NumberedPrice> numbered(const std::string& attempt) const;
  void check_places(const std::string& node, const book::Book& book);
  void check_rates(const std::string& node, const book::Book& book, const std::vector<NumberedPrice>& content);

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
  std::set<std::string> committed_ids_;
  std::set<std::pair<std::string, std::string>> committed_keys_;
  // The history before a restore.
  std::vector<VersionRow> former_rows_;
  std::vector<std::vector<NumberedPrice>> former_contents_;
  std::optional<Time> restored_at_;
  std::string violation_;
};

}  // namespace ratebook::sim
