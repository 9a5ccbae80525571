// Versions from the store into the book (rules 10 and 13), and what this node shows of them.
//
//   store ─ head, versions after mine ─ confirm ─▶ prices ─▶ book::apply ─▶ Visible (one pointer swap) ─▶ subscribers
#pragma once
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "book/book.hpp"
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
      std::chrono::seconds{10};  ///< before a load is tried again: poll_interval, doubled up to this
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
  /// Goes one step if the store has newer versions, else confirms that there is none; then merges a piece of what is
  /// beside the book's tree. True: there may be more. A chain that is not ours: unready, and loaded anew, by the next
  /// step where this one fails. Any failure leaves what is shown as it is.
  Result<bool> step(const std::stop_token& stop = {});
  /// load(), then step() on each notification or poll, until stopped. Failures are logged and tried again.
  void run(const std::stop_token& stop);

 private:
  Result<bool> load_anew(const std::stop_token& stop);
  Result<void> read_all(const store::Head& head, book::Loader& loader, const std::stop_token& stop);
  Result<book::Change> gather(const book::Book& book, const std::vector<VersionRow>& rows, std::size_t& taken);
  Result<void> read_prices(const std::string& attempt, std::vector<NumberedPrice>& into);
  Result<void> add_prices(const std::string& attempt, book::Change& change);
  bool merge_some();

  store::Store& store_;
  const Runtime& runtime_;
  Visible& visible_;
  Hints& hints_;
  FollowerOptions options_;
  bool load_owed_ = false;  ///< what is shown is not the store's: nothing but load() makes it ready
};

}  // namespace ratebook::follower
