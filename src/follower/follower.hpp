// Versions from the store into the book (rules 10, 13 and 27), and what this node shows of them.
//
//   store ─ versions after mine ─▶ prices ─▶ confirm, or proven ─▶ book::apply ─▶ Visible (one pointer swap) ─▶
//   subscribers
//
// A confirmation is a commit of the store, which all nodes share: a node asks for few, however many versions come.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "book/book.hpp"
#include "follower/confirmation_budget.hpp"
#include "follower/hints.hpp"
#include "follower/visible.hpp"
#include "model/batch.hpp"
#include "model/error.hpp"
#include "runtime/runtime.hpp"
#include "store/store.hpp"

namespace ratebook::follower {

struct FollowerOptions {
  Duration poll_interval = std::chrono::milliseconds{500};  ///< where no notification comes
  Duration load_wait_max =
      std::chrono::seconds{10};           ///< before a load is tried again: poll_interval, doubled up to this
  std::size_t confirmations_at_once = 4;  ///< after a rest, where they are commits of the store
  Duration confirmation_interval = std::chrono::milliseconds{250};  ///< between two of them, in the long run
  /// How long the proof of a version may take that comes from the node that published it, before this node asks for one
  /// of its own.
  Duration proof_wait = std::chrono::milliseconds{20};
  std::size_t load_threads = 1;  ///< that read the store and build the book at once
  std::size_t rows_per_step = 1000;
  std::size_t prices_per_step_max = 4'000'000;                     ///< a step ends after the row that passes this
  std::size_t prices_per_merge = 50'000;                           ///< that a step takes from overlays into the tree
  std::function<void(const Fault&)> report = [](const Fault&) {};  ///< told of failures that are tried again
};

class Follower {
 public:
  Follower(store::Store& store, const Runtime& runtime, Visible& visible, Hints& hints, FollowerOptions options = {});

  /// Loads the whole book at the store's newest version and shows it, ready. Stopped: Failure::unavailable, nothing
  /// shown.
  Result<void> load(const std::stop_token& stop = {});
  /// Goes one step if the store has newer versions that it may show now, else confirms, once a poll_interval, that
  /// there is none; then merges a piece of what is beside the book's tree. True: there may be more. A chain that is not
  /// ours: unready, and loaded anew, by the next step where this one fails. Any failure leaves what is shown as it is.
  Result<bool> step(const std::stop_token& stop = {});
  /// When the next step has something to do, where the store notifies of nothing before.
  BootTime look_again() const { return look_again_; }
  /// load(), then step() on each notification or poll, until stopped. Failures are logged and tried again.
  void run(const std::stop_token& stop);

 private:
  enum class Came { nothing, more, other_history };
  /// What a step takes at once. Its prices come from the hints, or, where they lack any, from the store.
  struct Gathered {
    book::Change change;
    std::size_t rows = 0;
    bool from_store = false;
  };

  Result<bool> load_anew(const std::stop_token& stop);
  Result<store::Head> confirmed_head();
  Result<PlaceTree> confirmed_places(const store::Head& loaded);
  Result<Came> read_on(store::Reading& reading);
  /// Whether the store is the one that the shown book was read from; takes the shown version's row off `rows`.
  Result<bool> is_same_history(store::Reading& reading, const book::Book& book, std::vector<VersionRow>& rows);
  Result<Came> leave_history(store::Reading& reading, Version shown);
  Result<Came> confirm_newest(store::Reading& reading, WallTime began, bool is_due);
  Result<Came> show_next(store::Reading& reading, const book::Snapshot& book, std::vector<VersionRow> rows,
                         WallTime began, bool is_due);
  Result<Came> show(store::Reading& reading, const book::Snapshot& book, std::vector<VersionRow> rows,
                    std::optional<WallTime> confirming);
  /// How many rows, from the first on, need nothing more from the store.
  std::size_t count_hinted(const std::vector<VersionRow>& rows);
  /// How many of these a proof covers.
  std::size_t count_proven(const book::Book& book, const std::vector<VersionRow>& rows, std::size_t hinted) const;
  bool is_proven_beyond(Version shown) const;
  bool may_confirm() const;
  Result<void> confirm(store::Reading& reading);
  Result<void> read_all(const store::Head& head, book::Loader& loader, const std::stop_token& stop);
  Result<Gathered> gather(store::Reading& reading, const book::Book& book, const std::vector<VersionRow>& rows);
  Result<void> add_prices(store::Reading& reading, const std::string& attempt, Gathered& gathered);
  bool merge_some();

  store::Store& store_;
  const Runtime& runtime_;
  Visible& visible_;
  Hints& hints_;
  FollowerOptions options_;
  ConfirmationBudget budget_;
  std::uint64_t session_ = 0;  ///< of the store that last confirmed
  BootTime confirm_due_{0};    ///< when what is shown is to be confirmed as the newest once more
  BootTime look_again_{0};
  std::optional<BootTime> unproven_since_;  ///< versions wait for a proof
  bool load_owed_ = false;                  ///< what is shown is not the store's: nothing but load() makes it ready
};

}  // namespace ratebook::follower
