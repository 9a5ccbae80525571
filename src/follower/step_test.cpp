// Steps from version to version: what is confirmed, what is proven, what a restored store changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "follower/follower.hpp"
#include "store/testing.hpp"

namespace ratebook::follower {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;

/// A store in memory, as the cluster's is asked: its confirmations cost a commit.
class VersionStore final : public store::testing::UnaskedStore {
 public:
  using UnaskedStore::UnaskedStore;

  void commit(const std::string& attempt, std::vector<NumberedPrice> prices) {
    prices_[attempt] = std::move(prices);
    add({.kind = VersionKind::batch, .batch_id = "batch of " + attempt, .attempt = attempt});
  }
  void retract(const std::string& attempt) {
    add({.kind = VersionKind::retraction, .batch_id = "batch of " + attempt, .attempt = attempt});
  }
  store::Head newest() const {
    return rows.empty() ? store::Head{} : store::Head{rows.back().version, rows.back().chain};
  }

  bool confirms_freely() const override { return false; }
  std::vector<store::Head> proven() const override {
    while_proving();
    return proofs;
  }
  Result<store::Head> head() override { return newest(); }
  Result<std::vector<VersionRow>> versions(Version after, std::size_t limit) override {
    ++looks;
    std::vector<VersionRow> found;
    for (Version at = after; at < rows.size() && found.size() < limit; ++at) found.push_back(rows[at]);
    return found;
  }
  Result<PlacesDocument> places(Version) override {
    PlacesDocument document;
    for (const auto& code : ports) document.ports.push_back({code, code, "", true});
    return document;
  }
  Result<void> prices_of(const std::string& attempt, const store::PriceSink& sink) override {
    if (!prices_.contains(attempt)) return fail(Failure::not_found, "no batch counts it");
    sink(prices_[attempt]);
    return {};
  }
  Result<void> prices_at(const store::Head& at, const store::PriceFilter&, const store::PriceSink& sink) override {
    while_loading();
    for (Version version = 0; version < at.version; ++version) sink(prices_[rows[version].attempt]);
    return {};
  }
  Result<void> confirm() override {
    ++confirmations;
    if (confirm_fails) return fail(Failure::unavailable, "the connection broke");
    return {};
  }
  std::uint64_t session() const override { return connection; }

  std::vector<VersionRow> rows;
  std::vector<std::string> ports = {"AAAAA", "BBBBB"};
  std::vector<store::Head> proofs;
  std::uint64_t connection = 1;
  bool confirm_fails = false;
  int confirmations = 0;
  int looks = 0;
  std::function<void()> while_loading = [] {};
  std::function<void()> while_proving = [] {};

 private:
  void add(VersionRow row) {
    row.version = rows.size() + 1;
    row.chain = chain_after(newest().chain, row.version, static_cast<std::uint8_t>(row.kind), row.batch_id);
    rows.push_back(std::move(row));
  }
  std::map<std::string, std::vector<NumberedPrice>> prices_;
};

class Steps : public ::testing::Test {
 protected:
  Steps() {
    runtime.boot_time = [this] { return now; };
    runtime.wall_time = [this] { return std::chrono::duration_cast<milliseconds>(now).count(); };
    EXPECT_TRUE(follower.load());
    store.confirmations = 0;
    pass(std::chrono::seconds{10});
    EXPECT_TRUE(follower.step());  // confirmed as the newest, so that nothing is due
    pass(milliseconds{400});
    store.confirmations = 0;
  }

  void pass(Duration time) { now += time; }
  Version shown() const { return visible.view().book->version(); }
  std::vector<NumberedPrice> prices() const {
    std::vector<NumberedPrice> all;
    visible.view().book->each(
        [&](std::span<const NumberedPrice> some) { all.insert(all.end(), some.begin(), some.end()); });
    return all;
  }
  static NumberedPrice price(std::uint32_t cents, PortNumber orig = 0, PortNumber dest = 1) {
    return {.orig = orig, .dest = dest, .day = Day{19000}, .amount = Cents{cents}};
  }
  /// One price from AAAAA to BBBBB comes by in the log.
  void offer(const std::string& attempt, std::uint32_t cents) {
    Chunk chunk{.ports = {*PortCode::parse("AAAAA"), *PortCode::parse("BBBBB")}, .items = {}};
    chunk.items.push_back({0, 1, Day{19000}, Cents{cents}});
    hints.offer(attempt, 0, 1, chunk);
  }
  void commit_offered(const std::string& attempt, std::uint32_t cents) {
    offer(attempt, cents);
    store.commit(attempt, {price(cents)});
  }
  void prove_newest() { store.proofs.push_back(store.newest()); }
  void empty_budget() {
    for (int i = 0; i < 20; ++i) {
      store.commit("used up " + std::to_string(i), {});
      ASSERT_TRUE(follower.step());
    }
    ASSERT_LT(shown(), store.newest().version);
    store.rows.resize(shown());
    store.confirmations = 0;
  }

  BootTime now{std::chrono::hours{5}};
  Runtime runtime = machine_runtime();
  VersionStore store{runtime};
  Visible visible;
  Hints hints{visible};
  Follower follower{store, runtime, visible, hints};
};

TEST_F(Steps, AFewConfirmationsASecondAreEnoughHoweverManyVersionsAreMade) {
  int shown_at_once = 0;
  for (int i = 1; i <= 1000; ++i) {  // 10 seconds, 100 a second
    store.commit(std::to_string(i), {price(static_cast<std::uint32_t>(i))});
    while (*follower.step()) continue;
    if (shown() == store.newest().version) ++shown_at_once;
    pass(milliseconds{10});
    EXPECT_GE(shown() + 26, store.newest().version) << "none waits for more than the interval";
  }
  EXPECT_GE(store.confirmations, 40);
  EXPECT_LE(store.confirmations, 44);
  EXPECT_EQ(shown_at_once, store.confirmations);
  pass(milliseconds{250});
  ASSERT_TRUE(follower.step());
  EXPECT_EQ(prices().size(), 1000U);
}

TEST_F(Steps, WithoutAConfirmationTheStoreIsNotEvenAsked) {
  empty_budget();
  store.commit("a", {price(1)});
  store.looks = 0;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(follower.step());
  EXPECT_EQ(store.looks, 0);
  EXPECT_GT(follower.look_again(), now);
  now = follower.look_again();
  ASSERT_TRUE(follower.step());
  EXPECT_EQ(shown(), store.newest().version);
}

TEST_F(Steps, TheFirstVersionAfterARestIsShownAtOnce) {
  store.commit("a", {price(1)});
  ASSERT_TRUE(follower.step());
  EXPECT_EQ(shown(), 1U);
  EXPECT_EQ(store.confirmations, 1);
}

TEST_F(Steps, NothingIsShownThatIsNotConfirmed) {
  store.commit("a", {price(1)});
  store.confirm_fails = true;
  const WallTime confirmed_at = visible.view().confirmed_at;
  EXPECT_FALSE(follower.step());
  EXPECT_EQ(shown(), 0U);
  EXPECT_EQ(visible.view().confirmed_at, confirmed_at);
}

TEST_F(Steps, IdleItIsConfirmedOnceAnIntervalHoweverOftenItIsWoken) {
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(follower.step());
    pass(milliseconds{10});
    EXPECT_LE(follower.look_again(), now + milliseconds{500});
  }
  EXPECT_GE(store.confirmations, 19);
  EXPECT_LE(store.confirmations, 20);
  EXPECT_GE(visible.view().confirmed_at, runtime.wall_time() - 510);
}

TEST_F(Steps, AVersionThatAPublishHasProvenNeedsNoConfirmation) {
  const WallTime confirmed_at = visible.view().confirmed_at;
  for (std::uint32_t i = 1; i <= 3; ++i) commit_offered(std::to_string(i), i);
  prove_newest();
  ASSERT_TRUE(follower.step());
  EXPECT_EQ(shown(), 3U);
  EXPECT_THAT(prices(), ElementsAre(price(1), price(2), price(3)));
  EXPECT_EQ(store.confirmations, 0);
  EXPECT_EQ(visible.view().confirmed_at, confirmed_at) << "whether it was the newest then, this node does not know";
}

TEST_F(Steps, WhatIsProvenIsShownAlsoWithoutAConfirmationLeft) {
  empty_budget();
  const Version before = shown();
  commit_offered("a", 1);
  prove_newest();
  commit_offered("b", 2);
  ASSERT_TRUE(follower.step());
  EXPECT_EQ(shown(), before + 1) << "the proof covers nothing of what came after it";
  EXPECT_EQ(store.confirmations, 0);
  pass(milliseconds{250});
  ASSERT_TRUE(follower.step());
  now = follower.look_again();
  ASSERT_TRUE(follower.step());
  EXPECT_EQ(shown(), before + 2);
}

TEST_F(Steps, TheNewestIsConfirmedOnceAnIntervalAlsoWhereAllIsProven) {
  for (std::uint32_t i = 1; i <= 1000; ++i) {
    commit_offered(std::to_string(i), i);
    prove_newest();
    ASSERT_TRUE(follower.step());
    ASSERT_EQ(shown(), i);
    pass(milliseconds{10});
  }
  EXPECT_GE(store.confirmations, 19);
  EXPECT_LE(store.confirmations, 20);
  EXPECT_GE(visible.view().confirmed_at, runtime.wall_time() - 510);
}

TEST_F(Steps, AProofIsWaitedForOnlyBriefly) {
  commit_offered("a", 1);
  ASSERT_TRUE(follower.step());
  EXPECT_EQ(shown(), 0U);
  EXPECT_EQ(follower.look_again(), now + milliseconds{20});
  pass(milliseconds{10});
  commit_offered("b", 2);
  ASSERT_TRUE(follower.step());
  EXPECT_EQ(store.confirmations, 0);
  pass(milliseconds{10});
  ASSERT_TRUE(follower.step());
  EXPECT_EQ(shown(), 2U) << "what comes meanwhile does not make it longer";
  EXPECT_EQ(store.confirmations, 1);
}

TEST_F(Steps, AProofOfAnotherHistoryProvesNothing) {
  empty_budget();
  const Version before = shown();
  commit_offered("a", 1);
  store.proofs.push_back({store.newest().version, Digest{1}});
  ASSERT_TRUE(follower.step());
  EXPECT_EQ(shown(), before);
}

TEST_F(Steps, ARowThatTheProvenChainWasNotMadeOfIsNotShown) {
  empty_budget();
  const Version before = shown();
  commit_offered("a", 1);
  prove_newest();
  store.rows.back().batch_id = "another batch";
  ASSERT_TRUE(follower.step());
  EXPECT_EQ(shown(), before);
}

TEST_F(Steps, AProofDoesNotCoverPricesThatTheStoreIsAskedFor) {
  empty_budget();
  const Version before = shown();
  store.commit("a", {price(1)});
  prove_newest();
  ASSERT_TRUE(follower.step());
  EXPECT_EQ(shown(), before);
  pass(milliseconds{250});
  store.confirm_fails = true;
  EXPECT_FALSE(follower.step());
  EXPECT_EQ(shown(), before);
}

TEST_F(Steps, NorPricesThatTheStoreIsAskedForSinceTheyWereLetGoMeanwhile) {
  commit_offered("a", 1);
  prove_newest();
  store.while_proving = [this] { hints.clear(); };
  store.confirm_fails = true;
  EXPECT_FALSE(follower.step());
  EXPECT_EQ(shown(), 0U);
}

TEST_F(Steps, NorABatchOfWhichNotAllCameBy) {
  empty_budget();
  const Version before = shown();
  Chunk half{.ports = {*PortCode::parse("AAAAA"), *PortCode::parse("BBBBB")}, .items = {}};
  half.items.push_back({0, 1, Day{19000}, Cents{1}});
  hints.offer("a", 0, 2, half);
  store.commit("a", {price(1), price(2)});
  prove_newest();
  ASSERT_TRUE(follower.step());
  EXPECT_EQ(shown(), before);
  EXPECT_EQ(store.confirmations, 0) << "there is none left";
}

TEST_F(Steps, NorANewConnectionThatNothingWasConfirmedOn) {
  empty_budget();
  const Version before = shown();
  commit_offered("a", 1);
  prove_newest();
  store.connection = 2;
  ASSERT_TRUE(follower.step());
  EXPECT_EQ(shown(), before);
  pass(milliseconds{250});
  ASSERT_TRUE(follower.step());
  EXPECT_EQ(shown(), before + 1);
  EXPECT_EQ(store.confirmations, 1);
}

TEST_F(Steps, AProofDoesNotSpareTheConfirmationOfANewConnection) {
  commit_offered("a", 1);
  prove_newest();
  store.connection = 2;
  store.confirm_fails = true;
  EXPECT_FALSE(follower.step());
  EXPECT_EQ(shown(), 0U);
}

TEST_F(Steps, AProofDoesNotCoverARetraction) {
  commit_offered("a", 1);
  prove_newest();
  ASSERT_TRUE(follower.step());
  ASSERT_EQ(shown(), 1U);
  store.retract("a");
  prove_newest();
  ASSERT_TRUE(follower.step());
  EXPECT_EQ(store.confirmations, 1);
  EXPECT_TRUE(prices().empty());
}

TEST_F(Steps, AVersionThatTheStoreLacksIsNotPassedOver) {
  store.commit("a", {price(1)});
  store.commit("b", {price(2)});
  store.rows.erase(store.rows.begin());
  const auto stepped = follower.step();
  ASSERT_FALSE(stepped);
  EXPECT_EQ(stepped.error().failure, Failure::damaged);
  EXPECT_EQ(shown(), 0U);
}

TEST_F(Steps, TheNewestIsConfirmedOnlyOnceThePricesOfAllAreShown) {
  store.commit("a", {price(1)});
  store.commit("b", {price(2)});
  Follower narrow{store, runtime, visible, hints, {.prices_per_step_max = 1}};
  const WallTime confirmed_at = visible.view().confirmed_at;
  EXPECT_TRUE(*narrow.step()) << "there is more";
  EXPECT_EQ(shown(), 1U);
  EXPECT_EQ(visible.view().confirmed_at, confirmed_at);
  ASSERT_TRUE(narrow.step());
  ASSERT_TRUE(narrow.step());
  EXPECT_EQ(shown(), 2U);
  EXPECT_EQ(visible.view().confirmed_at, runtime.wall_time());
}

TEST_F(Steps, APortThatOnlyTheLogKnewIsAskedFor) {
  store.ports.push_back("CCCCC");
  store.commit("a", {price(1, 0, 2)});
  ASSERT_TRUE(follower.step());
  EXPECT_EQ(shown(), 1U);
  EXPECT_EQ(visible.view().book->places()->port_count(), 3U);
  EXPECT_TRUE(visible.view().book->places()->find_port(*PortCode::parse("CCCCC")).has_value());
}

/// The store goes on from a backup of before version 1.
class Restored : public Steps {
 protected:
  Restored() {
    commit_offered("a", 1);
    prove_newest();
    EXPECT_TRUE(follower.step());
    EXPECT_EQ(shown(), 1U);
    store.rows.clear();
    std::ranges::reverse(store.ports);
    pass(milliseconds{1000});
  }
};

TEST_F(Restored, WhatIsShownOfAnotherHistoryIsThrownAway) {
  store.commit("b", {price(7)});
  store.commit("c", {price(8)});
  ASSERT_TRUE(follower.step());
  EXPECT_EQ(visible.histories(), 1U);
  EXPECT_EQ(shown(), 2U);
  EXPECT_THAT(prices(), ElementsAre(price(7), price(8)));
}

TEST_F(Restored, WhatIsShownIsThrownAwayWhereOnlyTheNumbersOfItsPortsAreOthers) {
  // From the log it takes the same batches again, and numbers their ports in another order.
  store.commit("a", {price(1, 1, 0)});
  store.connection = 2;
  ASSERT_TRUE(follower.step());
  EXPECT_EQ(visible.histories(), 1U);
  EXPECT_THAT(prices(), ElementsAre(price(1, 1, 0)));
  EXPECT_EQ(visible.view().book->places()->find_port(*PortCode::parse("BBBBB")), PortNumber{0});
}

TEST_F(Restored, NothingIsKeptThatWasNumberedByTheBookBefore) {
  offer("b", 2);
  // Also what comes by in the log while the other history is being loaded.
  store.while_loading = [this] { offer("c", 3); };
  store.commit("a of another time", {price(1, 1, 0)});
  ASSERT_TRUE(follower.step());
  ASSERT_EQ(visible.histories(), 1U);
  store.commit("b", {price(2, 1, 0)});
  store.commit("c", {price(3, 1, 0)});
  pass(milliseconds{1000});
  ASSERT_TRUE(follower.step());
  EXPECT_THAT(prices(), ElementsAre(price(1, 1, 0), price(2, 1, 0), price(3, 1, 0)));
}

TEST_F(Restored, AnotherHistoryIsNotBelievedUntilTheStoreStandsByIt) {
  store.commit("b", {price(7)});
  store.confirm_fails = true;
  EXPECT_FALSE(follower.step());
  EXPECT_TRUE(visible.view().ready);
  EXPECT_EQ(visible.histories(), 0U);
  EXPECT_THAT(prices(), ElementsAre(price(1)));
}

TEST_F(Restored, WhatBecameAnotherVersionWhileItWasLoadedIsNotShown) {
  store.commit("b", {price(7)});
  store.while_loading = [this] {
    store.rows.clear();
    store.commit("c", {price(8)});
  };
  const auto stepped = follower.step();
  ASSERT_FALSE(stepped);
  EXPECT_EQ(stepped.error().failure, Failure::conflict);
  EXPECT_FALSE(visible.view().ready);
  store.while_loading = [] {};
  ASSERT_TRUE(follower.step());
  EXPECT_THAT(prices(), ElementsAre(price(8)));
}

}  // namespace
}  // namespace ratebook::follower
