// A history of another store in an empty database: the same answers for every version.
#include "postgres/move_in.hpp"

#include <map>

#include "postgres/test_database.hpp"
#include "store/testing.hpp"

namespace ratebook::postgres {
namespace {

using namespace store::contract;

/// What another store says, without asking it again.
class Remembered final : public store::testing::UnaskedStore {
 public:
  explicit Remembered(store::Store& from)
      : UnaskedStore(machine_runtime()),
        head_(*from.head()),
        versions_(*from.versions(0, 1000)),
        batches_(*from.batches({})) {
    for (Version at = 0; at <= head_.version; ++at) places_.push_back(*from.places(at));
    for (const Batch& batch : batches_.batches) {
      (void)from.reading()->prices_of(batch.attempt, [&](std::span<const NumberedPrice> some) {
        auto& prices = prices_[batch.attempt];
        prices.insert(prices.end(), some.begin(), some.end());
        return true;
      });
    }
  }
  Result<store::Head> head() override { return head_; }
  Result<PlacesDocument> places(Version at) override { return places_.at(at); }
  Result<std::vector<VersionRow>> versions(Version after, std::size_t) override {
    return std::vector(versions_.begin() + static_cast<std::ptrdiff_t>(after), versions_.end());
  }
  Result<store::BatchPage> batches(const store::BatchFilter&) override { return batches_; }
  Result<void> prices_of(const std::string& attempt, const store::PriceSink& sink) override {
    sink(prices_[attempt]);
    return {};
  }

 private:
  store::Head head_;
  std::vector<VersionRow> versions_;
  store::BatchPage batches_;
  std::vector<PlacesDocument> places_;
  std::map<std::string, std::vector<NumberedPrice>> prices_;
};

class MovingIn : public ::testing::Test {
 protected:
  Result<Moved> move(const TestDatabase& to) {
    const PostgresOptions options{.primary = to.conninfo()};
    return move_in(from.store(), options, machine_runtime(), [](std::uint64_t) {});
  }
  /// Everything that can happen to a batch, and places that change.
  void make_history() {
    const PlacesDocument china{.regions = {{"china", "China", ""}}, .ports = {{"CNSGH", "Shanghai", "china", false}}};
    ASSERT_TRUE(from.store().put_places(china, std::nullopt, 5));
    std::vector<PortCode> codes;
    for (const char* code : {"NLRTM", "DEHAM", "CNNGB", "CNYTN", "BEANR", "GBFXT"})
      codes.push_back(*PortCode::parse(code));
    ASSERT_TRUE(from.store().number_ports(codes));
    TestWriter writer{from.store()};
    const BatchHeader first = header_of("carrier-a", "k1", 300, "one");
    writer.commit(first, attempt_name(1), some_prices(300));
    writer.commit(header_of("carrier-a", "k1", 300, "two"), attempt_name(2), some_prices(300));
    writer.commit(header_of("carrier-a", "k2", 200, "", first.id), attempt_name(3), some_prices(200, 2));
    const auto head = *from.store().places_head(99);
    const PlacesDocument more{.regions = {{"asia", "Asia", ""}}, .ports = {{"CNNGB", "Ningbo", "asia", false}}};
    ASSERT_TRUE(from.store().put_places(more, version_tag(head.version, head.chain), 6));
    const BatchHeader large = header_of("carrier-b", "k", 70'000);
    const auto prices = some_prices(70'000, 3);
    const std::span all{prices};
    ASSERT_TRUE(from.store().stage(writer.chunk(attempt_name(4), 0, all.first(50'000))));
    ASSERT_TRUE(from.store().stage(writer.chunk(attempt_name(4), 1, all.subspan(50'000))));
    writer.decide(store::CommitDecision{large, attempt_name(4), 2});
    writer.decide(store::RetractDecision{large.id});
  }

  TestDatabase source;
  TestNode from{source};
};

TEST_F(MovingIn, TakesPlacesBatchesAndVersionsAlong) {
  make_history();
  const TestDatabase target;
  const auto moved = move(target);
  ASSERT_TRUE(moved.has_value()) << moved.error().message;
  EXPECT_EQ(moved->batches, 4U);
  EXPECT_EQ(moved->prices, 70'500U);
  TestNode to{target};
  EXPECT_EQ(*to.store().head(), *from.store().head());
  for (Version at = 0; at <= from.store().head()->version; ++at) {
    EXPECT_EQ(prices_at(to.store(), at), prices_at(from.store(), at)) << at;
    EXPECT_EQ(*to.store().places(at), *from.store().places(at)) << at;
    EXPECT_EQ(*to.store().places_head(at), *from.store().places_head(at)) << at;
  }
  const auto expected = *from.store().versions(0, 100);
  const auto versions = *to.store().versions(0, 100);
  ASSERT_EQ(versions.size(), expected.size());
  for (std::size_t i = 0; i < versions.size(); ++i) {
    EXPECT_EQ(versions[i].chain, expected[i].chain);
    EXPECT_EQ(versions[i].batch_id, expected[i].batch_id);
    EXPECT_EQ(versions[i].replaced_id, expected[i].replaced_id);
    EXPECT_EQ(versions[i].committed_at, expected[i].committed_at);
  }
  const auto batches = *to.store().batches({});
  const auto before = *from.store().batches({});
  ASSERT_EQ(batches.batches.size(), before.batches.size());
  for (std::size_t i = 0; i < batches.batches.size(); ++i) {
    EXPECT_EQ(batches.batches[i].header, before.batches[i].header);
    EXPECT_EQ(batches.batches[i].status, before.batches[i].status);
    EXPECT_EQ(batches.batches[i].retracted_version, before.batches[i].retracted_version);
  }

  TestWriter writer{to.store()};
  EXPECT_EQ(writer
                .commit(header_of("carrier-a", "k2", 200, "", header_of("carrier-a", "k1", 300, "one").id),
                        attempt_name(9), some_prices(200, 2))
                .kind,
            store::Outcome::Kind::repeat)
      << "keys hold on";
  EXPECT_EQ(writer.commit(header_of("carrier-c", "k", 300), attempt_name(10), some_prices(300)).version,
            expected.back().version + 1);
}

TEST_F(MovingIn, DatabaseWithAHistoryIsRefused) {
  make_history();
  const TestDatabase target;
  TestNode to{target};
  ASSERT_TRUE(to.store().number_ports(std::vector{*PortCode::parse("CNSGH")}));
  const auto moved = move(target);
  ASSERT_FALSE(moved.has_value());
  EXPECT_EQ(moved.error().failure, Failure::conflict);
  EXPECT_TRUE(moved.error().message.contains("of its own")) << moved.error().message;
}

TEST_F(MovingIn, RepeatedAfterACommitInDoubtItTakesNothingAway) {
  make_history();
  const TestDatabase target;
  const PostgresOptions options{.primary = target.conninfo(),
                                .answer_time = std::chrono::seconds{2},
                                .lock_time = std::chrono::milliseconds{500}};
  Remembered history{from.store()};
  std::optional<NoStandby> no_standby;
  const auto moved = move_in(history, options, machine_runtime(), [&](std::uint64_t prices) {
    if (prices == 70'500) no_standby.emplace();
  });
  ASSERT_FALSE(moved.has_value());
  EXPECT_EQ(moved.error().failure, Failure::unknown) << moved.error().message;
  EXPECT_EQ(move_in(history, options, machine_runtime(), [](std::uint64_t) {}).error().failure, Failure::unavailable)
      << "the commit may still come";
  no_standby.reset();
  TestNode to{target};
  ASSERT_TRUE(until([&] { return to.store().head().value_or(store::Head{}) == *from.store().head(); }));
  EXPECT_TRUE(move(target).error().message.contains("already"));
  const Version newest = from.store().head()->version;
  EXPECT_EQ(prices_at(to.store(), newest), prices_at(from.store(), newest));
}

TEST_F(MovingIn, TryThatBrokeOffIsBegunAnew) {
  make_history();
  const TestDatabase target;
  {
    TestNode to{target};
    TestWriter writer{to.store()};
    ASSERT_TRUE(to.store().stage(writer.chunk(attempt_name(1), 0, some_prices(300))));
  }
  ASSERT_TRUE(move(target).has_value());
  TestNode to{target};
  EXPECT_EQ(prices_at(to.store(), 2), prices_at(from.store(), 2));
}

}  // namespace
}  // namespace ratebook::postgres
