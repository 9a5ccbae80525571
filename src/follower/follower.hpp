// Versions from the store into the book (rules 10 and 13), and what this node shows of them.
//
//   store ─ head, versions after mine ─ confirm ─▶ prices ─▶ book::apply ─▶ Visible (one pointer swap) ─▶ subscribers
#pragma once
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "book/book.hpp"
#include "model/batch.hpp"
#include "model/error.hpp"
#include "runtime/runtime.hpp"
#include "store/store.hpp"

namespace ratebook::follower {

/// One step v → w: what became visible at once.
struct Step {
  book::Snapshot book;           ///< of version w
  std::vector<VersionRow> rows;  ///< v+1..w; empty where the book was loaded anew
};

/// What this node shows now. Thread-safe; readers take a pointer under a lock that is never held longer than that.
class Visible {
 public:
  struct View {
    book::Snapshot book;
    WallTime confirmed_at = 0;  ///< when the store last confirmed that this was the newest version; 0: never
    bool ready = false;         ///< holds every version that the store had when the node started, and its chain
  };
  View view() const;

  using Subscription = std::uint64_t;
  /// `told` runs on the follower's thread after each step; it must not block and must not subscribe.
  Subscription subscribe(std::function<void(const Step&)> told);
  /// After it returns, `told` does not run any more.
  void unsubscribe(Subscription subscription);

  // For the follower.
  void show(const Step& step, WallTime confirmed_at, bool ready);
  void confirm(WallTime confirmed_at);
  void set_ready(bool ready);

 private:
  mutable std::mutex mutex_;  ///< guards view_
  View view_{book::empty_book(), 0, false};
  std::mutex subscribers_mutex_;  ///< held while subscribers are told
  std::map<Subscription, std::function<void(const Step&)>> subscribers_;
  Subscription next_subscription_ = 1;
};

/// Prices that this node's writer has at hand anyway, so that the follower need not read them back. A cache by attempt,
/// bounded in prices and in attempts, since nobody takes those of an attempt that becomes no version: what is not
/// there, or not whole, is read from the store. Thread-safe.
class Hints {
 public:
  static constexpr std::size_t attempts_max = 1024;  ///< more than one publish decides

  explicit Hints(std::size_t prices_max) : prices_max_(prices_max) {}
  /// Chunk 0..chunk_count-1 of an attempt; the same chunk again takes the place of the one before.
  void offer(const std::string& attempt, std::uint32_t chunk, std::uint32_t chunk_count,
             std::vector<NumberedPrice> prices);
  /// All prices of the attempt, if every chunk is there; it is gone from here afterwards.
  std::optional<std::vector<NumberedPrice>> take(const std::string& attempt);

 private:
  struct Entry {
    std::string attempt;
    std::uint32_t chunk_count = 0;
    std::map<std::uint32_t, std::vector<NumberedPrice>> chunks;
    std::size_t prices = 0;
  };
  std::list<Entry>::iterator find(const std::string& attempt);

  std::mutex mutex_;
  std::size_t prices_max_;
  std::size_t prices_ = 0;
  std::list<Entry> entries_;  ///< oldest first
};

struct FollowerOptions {
  Duration poll_interval = std::chrono::milliseconds{500};  ///< where no notification comes
  Duration load_wait_max =
      std::chrono::seconds{10};  ///< before a load is tried again: poll_interval, doubled up to this
  std::size_t load_threads = 1;  ///< that read the store and build the book at once
  std::size_t rows_per_step = 1000;
  std::size_t prices_per_step_max = 4'000'000;                     ///< a step ends after the row that passes this
  std::function<void(const Fault&)> report = [](const Fault&) {};  ///< told of failures that are tried again
};

class Follower {
 public:
  Follower(store::Store& store, const Runtime& runtime, Visible& visible, Hints& hints, FollowerOptions options = {});

  /// Loads the whole book at the store's newest version and shows it, ready. Stopped: Failure::unavailable, nothing
  /// shown.
  Result<void> load(const std::stop_token& stop = {});
  /// Goes one step if the store has newer versions, else confirms that there is none; true: there may be more. A chain
  /// that is not ours: unready, and loaded anew. Any failure leaves what is shown as it is.
  Result<bool> step();
  /// load(), then step() on each notification or poll, until stopped. Failures are logged and tried again.
  void run(const std::stop_token& stop);

 private:
  Result<void> read_all(Version version, book::Loader& loader, const std::stop_token& stop);
  Result<book::Change> gather(const book::Book& book, const std::vector<VersionRow>& rows, std::size_t& taken);
  Result<void> read_prices(const std::string& attempt, std::vector<NumberedPrice>& into);

  store::Store& store_;
  const Runtime& runtime_;
  Visible& visible_;
  Hints& hints_;
  FollowerOptions options_;
};

}  // namespace ratebook::follower
