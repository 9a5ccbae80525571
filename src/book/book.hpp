// The book: all prices of one version in memory, an immutable snapshot that shares with its neighbours what did not
// change. Readers hold a snapshot and never wait; one writer makes the next from the last.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "model/batch.hpp"
#include "model/error.hpp"
#include "model/places.hpp"
#include "model/price.hpp"

namespace ratebook::book {

class Book;
class Overlay;
using Snapshot = std::shared_ptr<const Book>;

/// What turns one version's book into another's (of any later version: the states between need not exist).
struct Change {
  Version version = 0;
  Digest chain{};
  std::vector<NumberedPrice> added;    ///< in any order
  std::vector<NumberedPrice> removed;  ///< in any order; each stands in the book or in `added`, as often as it is named
  std::shared_ptr<const PlaceTree> places;               ///< nullptr: as before
  std::vector<std::shared_ptr<const Overlay>> overlays;  ///< added, too
};

struct RateQuery {
  PlaceNumber orig;
  PlaceNumber dest;
  Day from;
  Day to;
  bool extremes = false;            ///< minimum and maximum wanted
  std::vector<double> percentiles;  ///< each 0..1
};

struct DayRate {
  Day day;
  std::uint64_t count = 0;  ///< > 0
  std::uint64_t sum_cents = 0;
  Cents min;                        ///< 0 unless asked for
  Cents max;                        ///< 0 unless asked for
  std::vector<double> percentiles;  ///< in cents, in the order asked: linear interpolation as percentile_cont

  /// Exact quotient of the sum, rounded once, in USD (sums below 2^53 cents).
  double average() const { return static_cast<double>(sum_cents) / (100.0 * static_cast<double>(count)); }
};

class Book {
 public:
  Version version() const;
  const Digest& chain() const;
  const std::shared_ptr<const PlaceTree>& places() const;
  std::uint64_t price_count() const;
  /// Bytes of memory that this snapshot needs, shared parts counted whole.
  std::size_t bytes() const;
  /// The first and last day that has a price; nullopt: there is none.
  std::optional<std::pair<Day, Day>> days() const;

  /// Days that have prices, ascending. Places are numbers of places().
  std::vector<DayRate> rates(const RateQuery& query) const;

  /// Whether overlays brought prices that are not yet in the tree: merge() is to be called.
  bool is_to_merge() const;

  /// Every price, ascending, some thousands at a time.
  void each(const std::function<void(std::span<const NumberedPrice>)>& sink) const;

  struct Parts;  ///< for this folder: parts.hpp
  explicit Book(std::unique_ptr<const Parts> parts);
  ~Book();
  Book(const Book&) = delete;
  Book& operator=(const Book&) = delete;
  const Parts& parts() const { return *parts_; }

 private:
  std::unique_ptr<const Parts> parts_;
};

/// The book of version 0: no places, no prices.
Snapshot empty_book();

/// The next book. Quick where much is added as overlays only; before a removal or a change of places all that is beside
/// the tree is merged. Only one thread at a time may call it, with the newest snapshot (an older one works too, but its
/// prices are copied, all of them). Failure::damaged: something is removed that does not stand there (the book and the
/// store have parted: load anew); `before` stays as it is.
Result<Snapshot> apply(const Snapshot& before, Change change);

/// The same version with about `prices_max` prices more in the tree, of those that overlays brought. As apply().
Snapshot merge(const Snapshot& before, std::size_t prices_max);

/// Builds a book from all prices of a version, given in any order, in far less time than apply() would take.
class Loader {
 public:
  /// So many threads may add at once, each to a part of its own.
  explicit Loader(std::size_t part_count = 1);
  ~Loader();
  void add(std::span<const NumberedPrice> prices, std::size_t part = 0);
  /// Call once.
  Snapshot finish(Version version, const Digest& chain, std::shared_ptr<const PlaceTree> places);

 private:
  struct Part;
  std::vector<Part> parts_;
};

/// Makes an overlay from prices that come in any order, while others still read and change the book.
class OverlayBuilder {
 public:
  /// `newest`: the book whose wide pairs of regions are summed up beforehand; it need not be the one that is changed.
  explicit OverlayBuilder(const Book& newest);
  ~OverlayBuilder();
  void add(std::span<const NumberedPrice> prices);
  /// Call once.
  std::shared_ptr<const Overlay> finish();

  /// So many become a slab, which queries look into one after the other until they are merged.
  static constexpr std::uint64_t slab_prices = 256 * 1024;

 private:
  struct Making;
  std::unique_ptr<Making> making_;
};

/// The same answer from a plain list of prices, all of which belong to the route and lie in the query's days: for past
/// versions, which no book holds.
std::vector<DayRate> rates_of(const std::vector<NumberedPrice>& prices, const RateQuery& query);

}  // namespace ratebook::book
