#include "api/event_hub.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <thread>

#include "api/pool.hpp"
#include "api/testing.hpp"

namespace ratebook::api {
namespace {

using testing::book_of;
using testing::chain_of;
using ::testing::ElementsAre;
using testing::HandClock;
using testing::HeldStore;
using testing::row_of;

/// A text may have several events.
void add_events(std::vector<std::string>& sent, std::string_view text) {
  while (!text.empty()) {
    const auto end = text.find("\n\n") + 2;
    sent.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

class EventHubTest : public ::testing::Test {
 protected:
  http::EventStream stream() {
    return {.send =
                [this](const http::EventText& text) {
                  texts_.push_back(text);
                  add_events(sent_, text.view());
                  return true;
                },
            .close = [this] { closed_ = true; },
            .drop = [this] { dropped_ = true; }};
  }
  std::shared_ptr<EventHub::Listener> open(const std::optional<std::string>& last_event_id,
                                           std::function<bool()> allowed = nullptr) {
    auto listener = hub_.make_listener(std::move(allowed));
    hub_.open(listener, stream(), last_event_id);
    return listener;
  }
  void run_executed() {
    while (!executed_.empty()) {
      auto work = std::move(executed_.front());
      executed_.pop_front();
      work();
    }
  }
  void commit(Version version) { store_.put(row_of(version, "b")); }
  void show(Version from, Version to) {
    std::vector<VersionRow> rows;
    for (Version version = from; version <= to; ++version) rows.push_back(row_of(version, "b"));
    visible_.show({book_of(to), std::move(rows)}, 1, true);
  }
  static std::string event(Version version) { return event_text(row_of(version, "b")); }
  static std::string tag(Version version) { return version_tag(version, chain_of(version)); }

  HandClock clock_;
  HeldStore store_{clock_.runtime};
  follower::Visible visible_;
  std::deque<std::function<void()>> executed_;
  EventHub hub_{store_, visible_, [this](auto work) { executed_.push_back(std::move(work)); }};
  std::vector<http::EventText> texts_;
  std::vector<std::string> sent_;
  bool closed_ = false;
  bool dropped_ = false;
};

TEST(EventText, ReadsAsTheContractHasIt) {
  auto row = row_of(42, "8045687535adadda406079bed489e7a0");
  EXPECT_EQ(event_text(row),
            "event: version\nid: 42-2a000000\n"
            "data: {\"version\":42,\"kind\":\"batch\",\"batch_id\":\"8045687535adadda406079bed489e7a0\"}\n\n");
  row.kind = VersionKind::places;
  row.batch_id.clear();
  EXPECT_EQ(event_text(row),
            "event: version\nid: 42-2a000000\ndata: {\"version\":42,\"kind\":\"places\",\"batch_id\":null}\n\n");
  EXPECT_EQ(reset_text(7, chain_of(7)), "event: reset\nid: 7-07000000\ndata: {\"version\":7}\n\n");
}

TEST(EventText, TagsAreReadStrictly) {
  EXPECT_EQ(parse_tag("42-9f3a01c2")->version, 42U);
  EXPECT_EQ(parse_tag("42-9f3a01c2")->chain_digits, "9f3a01c2");
  for (const auto* text : {"", "42", "42-", "-9f3a01c2", "42-9F3A01C2", "42-9f3a01c", "42-9f3a01c21", "x-9f3a01c2"}) {
    EXPECT_FALSE(parse_tag(text)) << text;
  }
}

TEST_F(EventHubTest, WithoutAnIdItStartsFromNow) {
  show(1, 3);
  open(std::nullopt);
  EXPECT_TRUE(sent_.empty());
  show(4, 5);
  show(6, 6);
  EXPECT_THAT(sent_, ElementsAre(event(4), event(5), event(6)));
}

TEST_F(EventHubTest, WithAnIdItGoesOnFromThereWithoutGapOrRepeat) {
  for (Version version = 1; version <= 4; ++version) commit(version);
  show(1, 4);
  open(tag(2));
  commit(5);
  show(5, 5);  // while it is replaying
  run_executed();
  commit(6);
  show(6, 6);
  EXPECT_THAT(sent_, ElementsAre(event(3), event(4), event(5), event(6)));
  EXPECT_FALSE(closed_);
}

TEST_F(EventHubTest, WhatTheStoreHasButThisNodeDoesNotShowIsNotSent) {
  for (Version version = 1; version <= 4; ++version) commit(version);
  show(1, 2);
  open(tag(1));
  run_executed();
  EXPECT_THAT(sent_, ElementsAre(event(2)));
  show(3, 4);
  EXPECT_THAT(sent_, ElementsAre(event(2), event(3), event(4)));
}

TEST_F(EventHubTest, AnIdAheadOfThisNodeIsNotSentAgain) {
  for (Version version = 1; version <= 4; ++version) commit(version);
  show(1, 2);
  open(tag(3));
  run_executed();
  show(3, 3);
  show(4, 4);
  EXPECT_THAT(sent_, ElementsAre(event(4)));
}

TEST_F(EventHubTest, FromTheBeginning) {
  commit(1);
  show(1, 1);
  open("0-00000000");
  run_executed();
  EXPECT_THAT(sent_, ElementsAre(event(1)));
}

TEST_F(EventHubTest, AnotherHistoryOrAnUnknownIdGetsAReset) {
  for (Version version = 1; version <= 2; ++version) commit(version);
  show(1, 2);
  for (const auto* id : {"1-ffffffff", "9-09000000", "nonsense", "0-00000001"}) {
    sent_.clear();
    open(id);
    run_executed();
    EXPECT_THAT(sent_, ElementsAre(reset_text(2, chain_of(2)))) << id;
  }
}

TEST_F(EventHubTest, AfterTheBookWasLoadedAnewTheStoreFillsTheGap) {
  for (Version version = 1; version <= 5; ++version) commit(version);
  show(1, 2);
  open(std::nullopt);
  visible_.show({book_of(4), {}}, 1, true);
  run_executed();
  show(5, 5);
  EXPECT_THAT(sent_, ElementsAre(event(3), event(4), event(5)));
}

TEST_F(EventHubTest, WhatTheStoreLacksIsNotPassedOver) {
  for (const Version version : {1, 2, 4, 5}) commit(version);
  show(1, 2);
  open(std::nullopt);
  visible_.show({book_of(5), {}}, 1, true);
  run_executed();
  EXPECT_TRUE(sent_.empty());
  EXPECT_TRUE(closed_) << "the client comes again, and goes on from what it has";
}

TEST_F(EventHubTest, AClosedStreamGetsNothingMore) {
  show(1, 1);
  const auto listener = open(std::nullopt);
  EXPECT_EQ(hub_.open_count(), 1U);
  hub_.close(listener);
  show(2, 2);
  EXPECT_TRUE(sent_.empty());
  EXPECT_EQ(hub_.open_count(), 0U);
  const auto early = hub_.make_listener();
  hub_.close(early);
  hub_.open(early, stream(), std::nullopt);
  EXPECT_EQ(hub_.open_count(), 0U);
}

TEST_F(EventHubTest, ALongReplayEndsTheStreamSoThatTheClientGoesOnWithANewOne) {
  const Version last = EventHub::replayed_max + 2000;
  for (Version version = 1; version <= last; ++version) commit(version);
  visible_.show({book_of(last), {}}, 1, true);
  open("0-00000000");
  run_executed();
  EXPECT_TRUE(closed_);
  EXPECT_GE(sent_.size(), EventHub::replayed_max);
  EXPECT_LT(sent_.size(), EventHub::replayed_max + 1000);
  EXPECT_EQ(sent_.back(), event(sent_.size()));
}

TEST_F(EventHubTest, ATextIsMadeOnceForAllListeners) {
  show(1, 1);
  for (int i = 0; i < 3; ++i) open(std::nullopt);
  show(2, 3);
  ASSERT_EQ(texts_.size(), 3U);
  EXPECT_EQ(texts_[0].view(), event(2) + event(3));
  for (const auto& text : texts_) EXPECT_EQ(text.view().data(), texts_[0].view().data());
}

TEST_F(EventHubTest, WhoHasSomeOfAStepGetsTheRestOfTheSameText) {
  for (Version version = 1; version <= 4; ++version) commit(version);
  show(1, 2);
  open(std::nullopt);
  open(tag(3));  // another node has shown it more
  run_executed();
  show(3, 4);
  ASSERT_EQ(texts_.size(), 2U);
  EXPECT_EQ(texts_[0].view(), event(3) + event(4));
  EXPECT_EQ(texts_[1].view(), event(4));
  EXPECT_EQ(texts_[1].view().data(), texts_[0].view().data() + event(3).size());
}

TEST_F(EventHubTest, ALongStepComesInSeveralTexts) {
  show(1, 1);
  open(std::nullopt);
  show(2, 501);
  EXPECT_GT(texts_.size(), 5U);
  ASSERT_EQ(sent_.size(), 500U);
  for (std::size_t i = 0; i < sent_.size(); ++i) EXPECT_EQ(sent_[i], event(i + 2));
}

TEST_F(EventHubTest, AStreamEndsWithTheRightToListen) {
  show(1, 1);
  bool allowed = true;
  open(std::nullopt, [&] { return allowed; });
  hub_.end_forbidden();
  EXPECT_FALSE(dropped_);
  allowed = false;
  hub_.end_forbidden();
  EXPECT_TRUE(dropped_);
  // Revoked while it was opened: end_forbidden() has not seen it.
  open(std::nullopt, [&] { return allowed; });
  EXPECT_TRUE(closed_);
}

// Streams are opened at any moment while versions are shown: each gets a row of neighbours up to the last.
TEST(EventHub, NoGapAndNoRepeatUnderConcurrency) {
  constexpr Version last = 400;
  const Runtime runtime = machine_runtime();
  HeldStore store{runtime};
  follower::Visible visible;
  struct Client {
    std::mutex mutex;
    std::vector<std::string> got;
    Version first = 0;
  };
  std::deque<Client> clients;
  {
    Pool pool{runtime, 2};
    EventHub hub{store, visible, [&](auto work) { pool.post(std::move(work)); }};
    store.put(row_of(1, "b"));
    visible.show({book_of(1), {row_of(1, "b")}}, 1, true);
    std::jthread follower{[&] {
      for (Version version = 2; version <= last; ++version) {
        store.put(row_of(version, "b"));
        visible.show({book_of(version), {row_of(version, "b")}}, 1, true);
      }
    }};
    for (int i = 0; i < 40; ++i) {
      auto& client = clients.emplace_back();
      const Version from = visible.view().book->version();
      client.first = from > 5 ? from - 5 : 1;
      hub.open(hub.make_listener(),
               {.send =
                    [&client](const http::EventText& text) {
                      const std::lock_guard lock{client.mutex};
                      add_events(client.got, text.view());
                      return true;
                    },
                .close = [] { ADD_FAILURE() << "closed"; },
                .drop = [] { ADD_FAILURE() << "dropped"; }},
               version_tag(client.first, chain_of(client.first)));
    }
    follower.join();
    pool.finish();
  }
  for (auto& client : clients) {
    ASSERT_EQ(client.got.size(), last - client.first);
    for (std::size_t i = 0; i < client.got.size(); ++i) {
      EXPECT_EQ(client.got[i], event_text(row_of(client.first + 1 + i, "b")));
    }
  }
}

}  // namespace
}  // namespace ratebook::api
