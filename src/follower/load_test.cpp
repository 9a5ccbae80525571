// The load of the whole book, which ends when it is told to, however much there is to read; and a step from it.
#include <gtest/gtest.h>

#include <thread>

#include "follower/follower.hpp"
#include "store/testing.hpp"

namespace ratebook::follower {
namespace {

/// Has prices without end, or at least more than anyone waits for; nothing else is asked of it.
class EndlessStore : public store::testing::UnaskedStore {
 public:
  using UnaskedStore::UnaskedStore;

  Result<store::Head> head() override { return store::Head{.version = 1}; }
  Result<PlacesDocument> places(Version) override { return PlacesDocument{}; }
  Result<void> prices_at(const store::Head&, const store::PriceFilter& filter, const store::PriceSink& sink) override {
    if (filter.part.index == failing_part) return fail(Failure::damaged, "a row is out of order");
    started = true;
    for (spans = 0; spans < 1'000'000; ++spans) {
      if (!sink({})) return {};
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    return {};
  }

  Result<void> confirm() override { return {}; }

  std::atomic<bool> started = false;
  std::atomic<int> spans = 0;
  std::optional<std::size_t> failing_part;
};

/// Has one version that is to be shown next.
class NextVersionStore final : public EndlessStore {
 public:
  explicit NextVersionStore(const Runtime& runtime, VersionRow row) : EndlessStore(runtime), row_(std::move(row)) {}
  Result<std::vector<VersionRow>> versions(Version after, std::size_t) override {
    std::vector<VersionRow> rows;
    if (after < row_.version) rows.push_back(row_);
    return rows;
  }

 private:
  VersionRow row_;
};

TEST(Step, ABatchThatWasOfferedIsNotReadFromTheStore) {
  const Runtime runtime = machine_runtime();
  for (const std::uint64_t overlay_min : {1, 100}) {
    VersionRow row;
    row.version = 1;
    row.kind = VersionKind::batch;
    row.attempt = "a";
    NextVersionStore store{runtime, row};
    Visible visible;
    PlacesDocument places;
    places.ports = {{"AAAAA", "", "", true}, {"BBBBB", "", "", true}};
    book::Change change;
    change.places = std::make_shared<const PlaceTree>(places);
    visible.show({*book::apply(visible.view().book, std::move(change)), {}}, 0, true);
    Hints hints{visible, {1000, overlay_min}};
    Chunk chunk{.ports = {*PortCode::parse("AAAAA"), *PortCode::parse("BBBBB")}, .items = {}};
    for (std::uint32_t cents = 1; cents <= 10; ++cents) chunk.items.push_back({0, 1, Day{19000}, Cents{cents}});
    hints.offer("a", 0, 10, chunk);
    Follower follower{store, runtime, visible, hints, {.prices_per_merge = 4}};
    const auto stepped = follower.step();
    ASSERT_TRUE(stepped.has_value()) << stepped.error().message;
    const auto shown = visible.view().book;
    EXPECT_EQ(shown->version(), 1U);
    EXPECT_EQ(shown->price_count(), 10U);
    EXPECT_FALSE(shown->is_to_merge()) << "one route is merged at once";
  }
}

/// Has versions 1 and 2, of places.
class TwoVersionsStore final : public EndlessStore {
 public:
  using EndlessStore::EndlessStore;
  Result<std::vector<VersionRow>> versions(Version after, std::size_t limit) override {
    std::vector<VersionRow> rows;
    for (Version version = after + 1; version <= 2 && rows.size() < limit; ++version) {
      VersionRow& row = rows.emplace_back();
      row.version = version;
      row.kind = VersionKind::places;
    }
    return rows;
  }
};

TEST(Step, TheNewestIsConfirmedOnlyWhenItIsShown) {
  Runtime runtime = machine_runtime();
  WallTime now = 100;
  runtime.wall_time = [&now] { return now++; };
  TwoVersionsStore store{runtime};
  Visible visible;
  Hints hints{visible};
  Follower follower{store, runtime, visible, hints, {.rows_per_step = 1}};
  ASSERT_TRUE(follower.step().value());
  EXPECT_EQ(visible.view().book->version(), 1U);
  EXPECT_EQ(visible.view().confirmed_at, 0) << "another version is there";
  ASSERT_TRUE(follower.step());
  ASSERT_TRUE(follower.step());
  EXPECT_EQ(visible.view().book->version(), 2U);
  EXPECT_GE(visible.view().confirmed_at, 100);
}

/// Without prices; its one version may be of another history, and its load may fail.
class RestoredStore final : public store::testing::UnaskedStore {
 public:
  using UnaskedStore::UnaskedStore;

  Result<store::Head> head() override { return store::Head{.version = 1, .chain = chain}; }
  Result<PlacesDocument> places(Version) override { return PlacesDocument{}; }
  Result<std::vector<VersionRow>> versions(Version after, std::size_t) override {
    if (after == 1) return std::vector<VersionRow>{};
    VersionRow row;
    row.version = 1;
    row.chain = chain;
    return std::vector{row};
  }
  Result<void> confirm() override { return {}; }
  Result<void> prices_at(const store::Head&, const store::PriceFilter&, const store::PriceSink&) override {
    ++loads;
    if (load_fails) return fail(Failure::unavailable, "the replica is being made anew");
    return {};
  }

  Digest chain{};
  bool load_fails = false;
  int loads = 0;
};

TEST(Step, ALoadAnewThatFailedIsTriedAgainAlsoWhereTheHistoryIsTheSameThen) {
  const Runtime runtime = machine_runtime();
  RestoredStore store{runtime};
  Visible visible;
  Hints hints{visible};
  Follower follower{store, runtime, visible, hints};
  ASSERT_TRUE(follower.load());
  store.chain[0] = 1;
  store.load_fails = true;
  EXPECT_FALSE(follower.step());
  EXPECT_FALSE(visible.view().ready);
  // What the log has beyond the backup was decided again, and the chain is as it was.
  store.chain[0] = 0;
  EXPECT_FALSE(follower.step());
  EXPECT_FALSE(visible.view().ready);
  store.load_fails = false;
  EXPECT_TRUE(follower.step());
  EXPECT_TRUE(visible.view().ready);
  EXPECT_EQ(store.loads, 4);
  EXPECT_EQ(visible.histories(), 1U) << "the writers begin anew once";
  EXPECT_TRUE(follower.step());
  EXPECT_EQ(store.loads, 4) << "nothing is owed any more";
}

TEST(Load, EndsWhenItIsStopped) {
  const Runtime runtime = machine_runtime();
  EndlessStore store{runtime};
  Visible visible;
  Hints hints{visible};
  int reported = 0;
  {
    const std::jthread thread{[&](const std::stop_token& stop) {
      Follower{store, runtime, visible, hints, {.report = [&](const Fault&) { ++reported; }}}.run(stop);
    }};
    while (!store.started) std::this_thread::yield();
  }
  EXPECT_LT(store.spans, 1'000'000);
  EXPECT_FALSE(visible.view().ready) << "half a book is none";
  EXPECT_EQ(reported, 0) << "a stop is no failure";
}

TEST(Load, EndsWhenOneOfItsThreadsFails) {
  const Runtime runtime = machine_runtime();
  EndlessStore store{runtime};
  store.failing_part = 1;
  Visible visible;
  Hints hints{visible};
  const auto loaded = Follower{store, runtime, visible, hints, {.load_threads = 3}}.load();
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().failure, Failure::damaged);
  EXPECT_LT(store.spans, 1'000'000);
  EXPECT_FALSE(visible.view().ready);
}

}  // namespace
}  // namespace ratebook::follower
