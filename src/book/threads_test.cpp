// Readers take, hold and drop snapshots on their own threads while a writer makes the next: run under ThreadSanitizer.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <random>
#include <thread>

#include "book/book.hpp"
#include "book/brute_force.hpp"

namespace ratebook::book {
namespace {

constexpr PortNumber ports = 20;
constexpr std::int32_t day = 19000;

/// Every version adds one price to each route and takes one of the version before away from every second route.
Change change_to(Version version) {
  Change change{version, Digest{}, {}, {}, nullptr};
  for (PortNumber orig = 0; orig < ports; ++orig) {
    for (PortNumber dest = 0; dest < ports; ++dest) {
      change.added.push_back({orig, dest, Day{day}, Cents{static_cast<std::uint32_t>(version)}});
      if (version > 1 && dest % 2 == 1) {
        change.removed.push_back({orig, dest, Day{day}, Cents{static_cast<std::uint32_t>(version - 1)}});
      }
    }
  }
  return change;
}

struct Newest {
  std::mutex mutex;
  Snapshot book = empty_book();

  Snapshot get() {
    const std::lock_guard lock(mutex);
    return book;
  }
  void set(Snapshot next) {
    {
      const std::lock_guard lock(mutex);
      book.swap(next);
    }
    // The last one is dropped here, outside the lock.
  }
};

/// True if the snapshot shows all of its version and nothing of another.
bool is_whole(const Book& book) {
  const Version version = book.version();
  if (version == 0) return book.price_count() == 0;
  const auto route = [&](PortNumber dest) {
    return book.rates({{PlaceNumber::Kind::port, 3}, {PlaceNumber::Kind::port, dest}, day_min, day_max, true, {0.5}});
  };
  const auto kept = route(4);
  const auto replaced = route(5);
  return book.price_count() == ports * ports / 2 * (version + 1) && kept.size() == 1 && replaced.size() == 1 &&
         kept[0].count == version && kept[0].min.value == 1 && kept[0].max.value == version &&
         kept[0].sum_cents == version * (version + 1) / 2 && replaced[0].count == 1 && replaced[0].min.value == version;
}

TEST(Threads, every_snapshot_stays_whole_while_others_come_and_go) {
  constexpr Version last_version = 300;
  Newest newest;
  std::atomic<bool> done = false;
  std::atomic<std::size_t> checked = 0;
  std::atomic<std::size_t> torn = 0;
  std::vector<std::jthread> readers;
  for (unsigned seed = 0; seed < 3; ++seed) {
    readers.emplace_back([&, seed] {
      std::mt19937 random(seed);
      std::vector<Snapshot> held;
      while (!done) {
        held.push_back(newest.get());
        const Snapshot& one = held[random() % held.size()];
        if (!is_whole(*one)) ++torn;
        ++checked;
        if (held.size() > 8) held.erase(held.begin() + static_cast<std::ptrdiff_t>(random() % held.size()));
      }
    });
  }
  for (Version version = 1; version <= last_version; ++version) {
    Result<Snapshot> next = book::apply(newest.get(), change_to(version));
    ASSERT_TRUE(next.has_value()) << next.error().message;
    newest.set(std::move(*next));
  }
  while (checked < 100) std::this_thread::yield();
  done = true;
  readers.clear();
  EXPECT_EQ(torn, 0u);
  EXPECT_TRUE(is_whole(*newest.get()));
}

}  // namespace
}  // namespace ratebook::book
