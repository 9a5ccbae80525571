// What this node shows of the versions.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "book/book.hpp"
#include "model/batch.hpp"

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

    /// Up to which version this node shows what the store says: none while it loads another history than the book's.
    Version shown() const { return ready ? book->version() : 0; }
  };
  View view() const;
  /// How often the store turned out to have another history than what was shown.
  std::uint64_t histories() const { return histories_.load(); }

  using Subscription = std::uint64_t;
  /// `told` runs on the follower's thread after each step; it must not block and must not subscribe.
  Subscription subscribe(std::function<void(const Step&)> told);
  /// After it returns, `told` does not run any more.
  void unsubscribe(Subscription subscription);

  // For the follower.
  void show(const Step& step, WallTime confirmed_at, bool ready);
  /// Another book of the version that is shown.
  void replace(book::Snapshot book);
  void confirm(WallTime confirmed_at);
  void set_ready(bool ready);
  void begin_history() { ++histories_; }

 private:
  mutable std::mutex mutex_;  ///< guards view_
  View view_{book::empty_book(), 0, false};
  std::atomic<std::uint64_t> histories_ = 0;
  std::mutex subscribers_mutex_;  ///< held while subscribers are told
  std::map<Subscription, std::function<void(const Step&)>> subscribers_;
  Subscription next_subscription_ = 1;
};

}  // namespace ratebook::follower
