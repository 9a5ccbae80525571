// Prices that are on their way to a version: this node's writer stages them, or they come by in the log, where another
// node's does. So the follower need not read them from the store, and a large batch is made ready for the book while it
// is still staged.
#pragma once
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "book/book.hpp"
#include "follower/visible.hpp"
#include "model/price.hpp"

namespace ratebook::follower {

struct HintOptions {
  /// Kept in all; beyond it the oldest attempts go.
  std::size_t prices_max = 20'000'000;
  /// A batch of so many becomes an overlay of the book.
  std::uint64_t overlay_prices_min = 200'000;
};

/// A cache by attempt, also bounded in attempts, since nobody takes those of an attempt that becomes no version: what
/// is not there, or not whole, is read from the store. Thread-safe.
class Hints {
 public:
  static constexpr std::size_t attempts_max = 1024;  ///< more than one publish decides

  /// Ports are numbered as `visible` has them; a chunk with one that it lacks is left to the store.
  explicit Hints(const Visible& visible, HintOptions options = {}) : visible_(visible), options_(options) {}

  /// Chunk `number` of an attempt at a batch of `price_count` prices. The same chunk again begins the attempt anew.
  void offer(const std::string& attempt, std::uint32_t number, std::uint64_t price_count, const Chunk& chunk);

  struct Taken {
    std::vector<NumberedPrice> prices;             ///< of a small batch
    std::shared_ptr<const book::Overlay> overlay;  ///< of a large one, else nullptr
  };
  /// Whether take() would give them.
  bool has_whole(const std::string& attempt);
  /// The attempt's prices, if all of them are there; it is gone from here afterwards.
  std::optional<Taken> take(const std::string& attempt);

  /// Forgets all, also what is being offered: in the store's history that is shown now, ports may have other numbers.
  void clear();

 private:
  struct Entry {
    std::string attempt;
    std::uint64_t price_count = 0;
    std::mutex mutex;  ///< guards what follows: making an overlay takes its time
    std::map<std::uint32_t, std::vector<NumberedPrice>> chunks;  ///< where an overlay is made, their numbers only
    std::uint64_t prices = 0;
    std::unique_ptr<book::OverlayBuilder> builder;
    std::shared_ptr<const book::Overlay> overlay;
  };
  using Entries = std::list<std::shared_ptr<Entry>>;  ///< oldest first

  Entries::iterator find(const std::string& attempt);
  std::shared_ptr<Entry> entry_for(const std::string& attempt, std::uint64_t price_count, std::uint64_t history);

  const Visible& visible_;
  HintOptions options_;
  std::mutex mutex_;  ///< guards what follows; taken before an entry's, never after it
  Entries entries_;
  std::uint64_t prices_ = 0;   ///< that the entries are to hold
  std::uint64_t history_ = 0;  ///< grows with each clear()
};

}  // namespace ratebook::follower
