#include "api/outcomes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <latch>
#include <thread>

#include "api/testing.hpp"

namespace ratebook::api {
namespace {

using testing::book_of;
using ::testing::ElementsAre;
using testing::HandClock;
using testing::header_of;
using testing::HeldStore;
using testing::row_of;
using namespace std::chrono_literals;

class OutcomesTest : public ::testing::Test {
 protected:
  // What is executed waits until the test runs it: nothing may rely on running inside of a call.
  void run_executed() {
    while (!executed_.empty()) {
      auto work = std::move(executed_.front());
      executed_.pop_front();
      work();
    }
  }
  void show(Version version, std::vector<VersionRow> rows) {
    visible_.show({book_of(version), std::move(rows)}, 1, true);
    run_executed();
  }
  void pass(Duration time) {
    clock_.now += time;
    outcomes_.end_due();
    outcomes_.ask_due();
    run_executed();
  }
  Outcomes::Watch await(const std::string& id, Duration at_most,
                        Outcomes::Awaited awaited = Outcomes::Awaited::commit) {
    const auto watch = outcomes_.watch(awaited, id).value();
    outcomes_.await(watch, at_most, [this](std::optional<Fate> fate) { fates_.push_back(std::move(fate)); });
    run_executed();
    return watch;
  }
  Batch batch(const std::string& id, BatchStatus status, Version version, Version retracted = 0) {
    Batch made;
    made.header = header_of(id);
    made.status = status;
    made.version = version;
    made.retracted_version = retracted;
    return made;
  }

  HandClock clock_;
  HeldStore store_{clock_.runtime};
  follower::Visible visible_;
  std::deque<std::function<void()>> executed_;
  std::vector<std::optional<Fate>> fates_;
  Outcomes outcomes_{store_,
                     visible_,
                     clock_.runtime,
                     [this](auto work) { executed_.push_back(std::move(work)); },
                     {.watched_max = 4, .accepted_max = 3}};
};

TEST_F(OutcomesTest, ACommitIsKnownAsItBecomesVisible) {
  await("x", 10s);
  show(1, {row_of(1, "other")});
  EXPECT_TRUE(fates_.empty());
  show(2, {row_of(2, "x")});
  ASSERT_EQ(fates_.size(), 1U);
  EXPECT_EQ(std::get<VersionRow>(fates_[0].value()).version, 2U);
  show(3, {row_of(3, "x")});
  pass(20s);
  EXPECT_EQ(fates_.size(), 1U);
  EXPECT_EQ(outcomes_.watched_count(), 0U);
}

TEST_F(OutcomesTest, WhatBecomesVisibleBetweenWatchAndAwaitIsNotMissed) {
  const auto watch = outcomes_.watch(Outcomes::Awaited::commit, "x").value();
  show(1, {row_of(1, "x")});
  EXPECT_TRUE(outcomes_.fate(watch));
  outcomes_.await(watch, 10s, [this](std::optional<Fate> fate) { fates_.push_back(std::move(fate)); });
  run_executed();
  ASSERT_EQ(fates_.size(), 1U);
  EXPECT_TRUE(fates_[0]);
}

TEST_F(OutcomesTest, TheTimeIsOverOnce) {
  await("x", 2s);
  pass(1999ms);
  EXPECT_TRUE(fates_.empty());
  pass(1ms);
  ASSERT_EQ(fates_.size(), 1U);
  EXPECT_FALSE(fates_[0]);
  show(1, {row_of(1, "x")});
  EXPECT_EQ(fates_.size(), 1U);
}

TEST_F(OutcomesTest, NoWaitAtAllAnswersAtOnce) {
  await("x", 0s);
  ASSERT_EQ(fates_.size(), 1U);
  EXPECT_FALSE(fates_[0]);
}

TEST_F(OutcomesTest, LeavingEndsEveryWaitAtOnce) {
  await("x", 60s);
  await("y", 60s, Outcomes::Awaited::retraction);
  std::vector<bool> reached;
  outcomes_.await_version(9, 60s, [&](bool shown) { reached.push_back(shown); });
  outcomes_.leave();
  run_executed();
  ASSERT_EQ(fates_.size(), 2U);
  EXPECT_FALSE(fates_[0] || fates_[1]);
  EXPECT_THAT(reached, ElementsAre(false));
  EXPECT_EQ(outcomes_.watched_count(), 0U);
}

TEST_F(OutcomesTest, WhoComesAfterLeavingDoesNotWait) {
  outcomes_.leave();
  await("x", 60s);
  std::vector<bool> reached;
  outcomes_.await_version(1, 60s, [&](bool shown) { reached.push_back(shown); });
  run_executed();
  ASSERT_EQ(fates_.size(), 1U);
  EXPECT_FALSE(fates_[0]);
  // What is known is told.
  const auto watch = outcomes_.watch(Outcomes::Awaited::commit, "z").value();
  show(1, {row_of(1, "z")});
  outcomes_.await(watch, 60s, [this](std::optional<Fate> fate) { fates_.push_back(std::move(fate)); });
  outcomes_.await_version(1, 60s, [&](bool shown) { reached.push_back(shown); });
  run_executed();
  ASSERT_EQ(fates_.size(), 2U);
  EXPECT_TRUE(fates_[1]);
  EXPECT_THAT(reached, ElementsAre(false, true));
}

TEST_F(OutcomesTest, AWatchThatNobodyAwaitsYetOutlivesLeaving) {
  const auto watch = outcomes_.watch(Outcomes::Awaited::commit, "x").value();
  outcomes_.leave();
  outcomes_.accept(watch, header_of("x"));
  EXPECT_TRUE(outcomes_.is_accepted(Outcomes::Awaited::commit, "x"));
  outcomes_.await(watch, 60s, [this](std::optional<Fate> fate) { fates_.push_back(std::move(fate)); });
  run_executed();
  ASSERT_EQ(fates_.size(), 1U);
  EXPECT_FALSE(fates_[0]);
}

TEST_F(OutcomesTest, ARejectionIsFoundByAskingTheStore) {
  await("x", 10s);
  store_.put(batch("x", BatchStatus::rejected, 0));
  pass(100ms);
  ASSERT_EQ(fates_.size(), 1U);
  EXPECT_EQ(std::get<Batch>(fates_[0].value()).status, BatchStatus::rejected);
}

TEST_F(OutcomesTest, TheStoreIsAskedNoMoreOftenThanTheInterval) {
  await("x", 60s);
  for (int i = 0; i < 1000; ++i) pass(10ms);
  EXPECT_GE(store_.asked("x"), 90U);
  EXPECT_LE(store_.asked("x"), 100U);
}

TEST_F(OutcomesTest, AStoreThatDoesNotAnswerIsAskedOnceARound) {
  await("x", 60s);
  await("y", 60s);
  await("z", 60s);
  store_.is_there = false;
  pass(100ms);
  EXPECT_EQ(store_.asked("x") + store_.asked("y") + store_.asked("z"), 1U);
  store_.is_there = true;
  pass(100ms);
  EXPECT_EQ(store_.asked("x") + store_.asked("y") + store_.asked("z"), 4U);
}

TEST_F(OutcomesTest, WhoWasNotAskedAboutBecauseTheStoreFailedGoesFirstTheNextTime) {
  await("x", 60s);
  await("y", 60s);
  await("z", 60s);
  store_.is_there = false;
  for (int round = 0; round < 3; ++round) pass(100ms);
  EXPECT_EQ(store_.asked("x"), 1U);
  EXPECT_EQ(store_.asked("y"), 1U);
  EXPECT_EQ(store_.asked("z"), 1U);
}

TEST_F(OutcomesTest, ACommitInTheStoreCountsOnlyOnceItIsVisibleHere) {
  await("x", 10s);
  store_.put(batch("x", BatchStatus::committed, 5));
  show(4, {});
  pass(200ms);
  EXPECT_TRUE(fates_.empty());
  show(5, {});  // the book was loaded anew: no rows
  pass(200ms);
  ASSERT_EQ(fates_.size(), 1U);
  EXPECT_EQ(std::get<Batch>(fates_[0].value()).version, 5U);
}

TEST_F(OutcomesTest, ACommitOfAnotherHistoryDoesNotCountWhileThatIsLoaded) {
  show(20, {});
  visible_.set_ready(false);  // the store was restored: its versions are others than those of the book
  await("x", 10s);
  store_.put(batch("x", BatchStatus::committed, 5));
  pass(200ms);
  EXPECT_TRUE(fates_.empty());
  bool reached = false;
  outcomes_.await_version(5, 10s, [&](bool shown) { reached = shown; });
  run_executed();
  EXPECT_FALSE(reached);
  show(5, {});
  pass(200ms);
  EXPECT_TRUE(reached);
  EXPECT_EQ(fates_.size(), 1U);
}

TEST_F(OutcomesTest, ARetractionIsItsOwnRowOrThatOfWhatReplacesTheBatch) {
  await("x", 10s, Outcomes::Awaited::retraction);
  await("y", 10s, Outcomes::Awaited::retraction);
  await("z", 10s, Outcomes::Awaited::retraction);
  show(1, {row_of(1, "x"), row_of(2, "y")});
  EXPECT_TRUE(fates_.empty());
  auto retraction = row_of(3, "x");
  retraction.kind = VersionKind::retraction;
  auto replacing = row_of(4, "w");
  replacing.replaced_id = "y";
  show(4, {retraction, replacing});
  EXPECT_EQ(fates_.size(), 2U);
  store_.put(batch("z", BatchStatus::retracted, 1, 4));
  pass(100ms);
  EXPECT_EQ(fates_.size(), 3U);
}

TEST_F(OutcomesTest, WatchesAreBounded) {
  std::vector<Outcomes::Watch> watches;
  for (int i = 0; i < 4; ++i) watches.push_back(outcomes_.watch(Outcomes::Awaited::commit, "x").value());
  EXPECT_FALSE(outcomes_.watch(Outcomes::Awaited::commit, "y"));
  outcomes_.forget(watches[2]);
  EXPECT_TRUE(outcomes_.watch(Outcomes::Awaited::commit, "y"));
}

TEST_F(OutcomesTest, SeveralMayAwaitTheSame) {
  await("x", 10s);
  await("x", 1s);
  pass(1s);
  EXPECT_EQ(fates_.size(), 1U);
  show(1, {row_of(1, "x")});
  ASSERT_EQ(fates_.size(), 2U);
  EXPECT_FALSE(fates_[0]);
  EXPECT_TRUE(fates_[1]);
}

TEST_F(OutcomesTest, VersionsAreAwaited) {
  std::vector<std::pair<Version, bool>> told;
  for (const Version version : {3U, 1U, 2U}) {
    outcomes_.await_version(version, 1s, [&told, version](bool reached) { told.emplace_back(version, reached); });
  }
  run_executed();
  EXPECT_TRUE(told.empty());
  show(2, {row_of(1, "x"), row_of(2, "y")});
  EXPECT_THAT(told, ElementsAre(std::pair{1U, true}, std::pair{2U, true}));
  outcomes_.await_version(2, 1s, [&told](bool reached) { told.emplace_back(22, reached); });
  run_executed();
  EXPECT_EQ(told.back(), (std::pair<Version, bool>{22, true}));
  pass(1s);
  EXPECT_EQ(told.back(), (std::pair<Version, bool>{3, false}));
  EXPECT_EQ(told.size(), 4U);
}

TEST_F(OutcomesTest, TooManyWhoAwaitAVersionAreToldAtOnce) {
  int told = 0;
  for (int i = 0; i < 5; ++i) {
    outcomes_.await_version(9, 1s, [&](bool reached) {
      EXPECT_FALSE(reached);
      ++told;
    });
  }
  run_executed();
  EXPECT_EQ(told, 1);
}

TEST_F(OutcomesTest, AcceptedBatchesAreRememberedUntilTheirFateIsKnown) {
  for (const auto* id : {"x", "y", "z"}) {
    const auto watch = outcomes_.watch(Outcomes::Awaited::commit, id).value();
    outcomes_.accept(watch, header_of(id, std::string{"from-"} + id), 100);
    outcomes_.forget(watch);
  }
  EXPECT_EQ(outcomes_.accepted("y")->source, "from-y");
  EXPECT_EQ(outcomes_.waiting("from-x").count, 1U);
  EXPECT_EQ(outcomes_.waiting("from-x").bytes, 100U);
  EXPECT_EQ(outcomes_.waiting().bytes, 300U);
  const auto newest_first = outcomes_.accepted(std::nullopt, 2);
  ASSERT_EQ(newest_first.size(), 2U);
  EXPECT_EQ(newest_first[0].id, "z");
  show(1, {row_of(1, "y")});
  EXPECT_FALSE(outcomes_.accepted("y"));
  store_.put(batch("x", BatchStatus::rejected, 0));
  pass(100ms);
  EXPECT_FALSE(outcomes_.accepted("x"));
  EXPECT_EQ(outcomes_.waiting("from-x").count, 0U);
  EXPECT_EQ(outcomes_.waiting().count, 1U);
  EXPECT_EQ(outcomes_.waiting().bytes, 100U);
}

TEST_F(OutcomesTest, AcceptedRetractionsCountUntilTheyAreVisibleAndAreNoBatches) {
  using enum Outcomes::Awaited;
  for (const auto* id : {"x", "y", "z"}) {
    const auto watch = outcomes_.watch(retraction, id).value();
    outcomes_.accept(watch, header_of(id));
    outcomes_.forget(watch);
  }
  EXPECT_TRUE(outcomes_.is_accepted(retraction, "x"));
  EXPECT_FALSE(outcomes_.is_accepted(commit, "x"));
  EXPECT_FALSE(outcomes_.accepted("x"));
  EXPECT_TRUE(outcomes_.accepted(std::nullopt, 9).empty());
  EXPECT_EQ(outcomes_.waiting("carrier-a").count, 3U);
  show(1, {row_of(1, "x")});
  EXPECT_EQ(outcomes_.waiting("carrier-a").count, 3U);  // its commit, not its retraction
  auto retracted = row_of(2, "x");
  retracted.kind = VersionKind::retraction;
  auto replacing = row_of(3, "w");
  replacing.replaced_id = "y";
  show(3, {retracted, replacing});
  EXPECT_EQ(outcomes_.waiting("carrier-a").count, 1U);
  store_.put(batch("z", BatchStatus::retracted, 1, 3));
  pass(100ms);
  EXPECT_EQ(outcomes_.waiting().count, 0U);
}

TEST_F(OutcomesTest, ABatchThatIsVisibleAlreadyIsNotRememberedAsAccepted) {
  const auto watch = outcomes_.watch(Outcomes::Awaited::commit, "x").value();
  show(1, {row_of(1, "x")});
  outcomes_.accept(watch, header_of("x"));
  EXPECT_FALSE(outcomes_.accepted("x"));
}

TEST_F(OutcomesTest, BeyondTheirBoundTheOldestAcceptedAreForgotten) {
  const auto watch = outcomes_.watch(Outcomes::Awaited::commit, "none").value();
  for (const auto* id : {"a", "b", "c", "d"}) outcomes_.accept(watch, header_of(id));
  EXPECT_FALSE(outcomes_.accepted("a"));
  EXPECT_TRUE(outcomes_.accepted("d"));
  EXPECT_EQ(outcomes_.waiting("carrier-a").count, 3U);
}

TEST(Outcomes, WaitsEndInTimeBesideAStoreThatIsSilent) {
  const Runtime runtime = machine_runtime();
  HeldStore store{runtime};
  follower::Visible visible;
  std::latch asked{1}, ended{2}, go_on{1};
  std::atomic<bool> is_first = true;
  store.on_question = [&] {
    if (!is_first.exchange(false)) return;
    asked.count_down();
    go_on.wait();
  };
  Outcomes outcomes{store, visible, runtime, [](const auto& work) { work(); }};
  std::jthread rounds{[&](const std::stop_token& stop) { outcomes.run(stop); }};
  const auto forever = outcomes.watch(Outcomes::Awaited::commit, "x").value();
  outcomes.await(forever, 60s, [](const std::optional<Fate>&) {});
  asked.wait();
  outcomes.await(outcomes.watch(Outcomes::Awaited::commit, "y").value(), 10ms, [&](auto) { ended.count_down(); });
  outcomes.await_version(7, 10ms, [&](bool) { ended.count_down(); });
  ended.wait();
  go_on.count_down();
}

// Threads that watch, accept and await while versions are shown: each wait ends exactly once, none is left.
TEST(Outcomes, EveryWaitEndsOnceUnderConcurrency) {
  constexpr int per_thread = 200;
  constexpr int thread_count = 4;
  const Runtime runtime = machine_runtime();
  HeldStore store{runtime};
  follower::Visible visible;
  std::atomic<int> ended = 0;
  std::atomic<int> found = 0;
  std::mutex to_show_mutex;
  std::deque<std::string> to_show;
  {
    Outcomes outcomes{store, visible, runtime, [](const auto& work) { work(); }};
    std::jthread rounds{[&](const std::stop_token& stop) { outcomes.run(stop); }};
    std::jthread follower{[&](const std::stop_token& stop) {
      for (Version version = 1; !stop.stop_requested();) {
        std::vector<VersionRow> rows;
        {
          const std::lock_guard lock{to_show_mutex};
          while (!to_show.empty()) {
            rows.push_back(row_of(version++, to_show.front()));
            to_show.pop_front();
          }
        }
        if (!rows.empty()) visible.show({book_of(version - 1), std::move(rows)}, 1, true);
      }
    }};
    std::vector<std::jthread> clients;
    for (int thread = 0; thread < thread_count; ++thread) {
      clients.emplace_back([&, thread] {
        for (int i = 0; i < per_thread; ++i) {
          const std::string id = std::to_string(thread) + "-" + std::to_string(i);
          const auto watch = outcomes.watch(Outcomes::Awaited::commit, id).value();
          {
            const std::lock_guard lock{to_show_mutex};
            to_show.push_back(id);
          }
          outcomes.accept(watch, header_of(id));
          outcomes.await(watch, 60s, [&](const std::optional<Fate>& fate) {
            found += fate ? 1 : 0;
            ++ended;
          });
        }
      });
    }
    clients.clear();
    while (ended < thread_count * per_thread) std::this_thread::yield();
    EXPECT_EQ(outcomes.watched_count(), 0U);
  }
  EXPECT_EQ(ended, thread_count * per_thread);
  EXPECT_EQ(found, thread_count * per_thread);
}

TEST(Outcomes, NoVersionComesBetweenALookAndItsWait) {
  const HandClock clock;
  HeldStore store{clock.runtime};
  follower::Visible visible;
  std::atomic<Version> told = 0;
  Outcomes outcomes{store, visible, clock.runtime, [](const auto& work) { work(); }, {}};
  constexpr Version last = 3000;
  std::vector<book::Snapshot> books;
  for (Version version = 0; version <= last; ++version) books.push_back(book_of(version));
  std::atomic<Version> begun = 0;
  std::atomic<Version> shown = 0;
  const std::jthread shows{[&] {
    for (Version version = 1; version <= last; ++version) {
      while (begun < version) std::this_thread::yield();
      visible.show({books[version], {}}, 1, true);
      shown = version;
    }
  }};
  Version missed = 0;
  for (Version version = 1; version <= last; ++version) {
    begun = version;
    outcomes.await_version(version, 1h, [&](bool) { told = version; });
    while (shown < version) std::this_thread::yield();
    if (told != version) ++missed;
  }
  EXPECT_EQ(missed, 0U);
}

}  // namespace
}  // namespace ratebook::api
