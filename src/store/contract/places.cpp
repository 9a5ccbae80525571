// Places as versions, and the view for people with SQL.
#include "store/contract/contract.hpp"

namespace ratebook::store::contract {
namespace {

PlacesDocument china() {
  return {.regions = {{"china_east", "East", "china"}, {"china", "China", ""}},
          .ports = {{"CNSGH", "Shanghai", "china_east", false}, {"CNNGB", "Ningbo", "china_east", false}}};
}

std::string tag_of(const Head& head) { return version_tag(head.version, head.chain); }

}  // namespace

TEST_P(Places, FirstOnesNeedNoTag) {
  EXPECT_EQ(*store.places_head(99), Head{});
  EXPECT_EQ(*store.places(0), PlacesDocument{});
  const std::uint64_t seen = store.changed().count();
  EXPECT_EQ(*store.put_places(china(), std::nullopt, 5), 1U);
  EXPECT_GT(store.changed().count(), seen);
  EXPECT_EQ(*store.places(1), china());
  EXPECT_EQ(store.head()->chain, chain_after(Digest{}, 1, 3, places_digest(china())));
  EXPECT_EQ(*store.places_head(1), *store.head());
  const auto row = store.versions(0, 9)->front();
  EXPECT_EQ(row.kind, VersionKind::places);
  EXPECT_EQ(row.batch_id, "");
  EXPECT_EQ(row.committed_at, 5);
}

TEST_P(Places, LaterOnesNeedTheTagThatStands) {
  EXPECT_EQ(store.put_places(china(), "1-00000000", 5).error().failure, Failure::conflict);
  EXPECT_EQ(store.put_places(china(), "0-00000000", 5).error().failure, Failure::conflict) << "there are none";
  ASSERT_TRUE(store.put_places(china(), std::nullopt, 5).has_value());
  const std::string tag = tag_of(*store.places_head(1));
  for (const auto& wrong : {std::optional<std::string>{}, std::optional<std::string>{"1-12345678"}}) {
    const auto refused = store.put_places(china(), wrong, 6);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().failure, Failure::conflict);
    EXPECT_NE(refused.error().message.find(tag), std::string::npos) << refused.error().message;
  }
  EXPECT_EQ(store.head()->version, 1U);
  EXPECT_EQ(*store.put_places(china(), tag, 6), 2U);
}

TEST_P(Places, TagIsOfTheNewestPlacesNotOfTheNewestVersion) {
  ASSERT_TRUE(store.put_places(china(), std::nullopt, 5).has_value());
  const std::string tag = tag_of(*store.head());
  TestWriter writer{store};
  writer.commit(header_of("carrier-a", "k", 10), attempt_name(1), some_prices(10, 1, 2));
  EXPECT_EQ(store.places_head(2)->version, 1U);
  EXPECT_EQ(*store.put_places(china(), tag, 6), 3U);
  EXPECT_EQ(store.places_head(2)->version, 1U);
  EXPECT_EQ(store.places_head(3)->version, 3U);
}

TEST_P(Places, PortsNeverLeaveAndKeepTheirNumbers) {
  ASSERT_TRUE(store.put_places(china(), std::nullopt, 5).has_value());
  const PlacesDocument europe{.regions = {{"europe", "Europe", ""}},
                              .ports = {{"NLRTM", "Rotterdam", "europe", false}, {"CNNGB", "N", "europe", false}}};
  ASSERT_EQ(*store.put_places(europe, tag_of(*store.head()), 6), 2U);
  const PlacesDocument expected{
      .regions = europe.regions,
      .ports = {
          {"CNSGH", "Shanghai", "", true}, {"CNNGB", "N", "europe", false}, {"NLRTM", "Rotterdam", "europe", false}}};
  EXPECT_EQ(*store.places(2), expected);
  EXPECT_EQ(*store.places(2), replace_places(china(), europe));
  const auto before = *store.places(1);
  EXPECT_EQ(before.regions, china().regions);
  ASSERT_EQ(before.ports.size(), 3U) << "also those added since";
  EXPECT_EQ(before.ports[0], china().ports[0]);
  EXPECT_EQ(before.ports[2], (PortDocument{"NLRTM", "NLRTM", "", true}));
  EXPECT_EQ(*store.number_ports(std::vector{*PortCode::parse("NLRTM"), *PortCode::parse("CNSGH")}),
            (std::vector<PortNumber>{2, 0}));
}

TEST_P(Places, PortsThatTheWriterAddsAreClosed) {
  ASSERT_TRUE(store.put_places(china(), std::nullopt, 5).has_value());
  TestWriter writer{store};
  EXPECT_EQ(store.number_ports(std::vector{*PortCode::parse("DEHAM")})->front(), 2U);
  writer.publish(writer.request({}));
  EXPECT_EQ(store.places(1)->ports.back(), (PortDocument{"DEHAM", "DEHAM", "", true}));
  EXPECT_EQ(store.head()->version, 1U) << "which is no version";
  ASSERT_TRUE(store.put_places(china(), tag_of(*store.head()), 6).has_value());
  EXPECT_EQ(store.places(2)->ports.back(), (PortDocument{"DEHAM", "DEHAM", "", true}));
}

TEST_P(Places, WrongOnesAreRefused) {
  const PlacesDocument orphan{.regions = {{"a", "A", "nowhere"}}, .ports = {}};
  EXPECT_EQ(store.put_places(orphan, std::nullopt, 5).error().failure, Failure::refused);
  EXPECT_EQ(store.head()->version, 0U);
}

TEST_P(Places, ViewShowsCommittedPricesOnly) {
  ASSERT_TRUE(store.put_places(china(), std::nullopt, 5).has_value());
  TestWriter writer{store};
  const std::string ask =
      "SELECT orig_code, dest_code, day, CAST(round(price * 100) AS INTEGER) FROM prices ORDER BY 1, 2, 3";
  const std::vector<NumberedPrice> prices = {{0, 1, Day{18'628}, Cents{115'450}}, {1, 0, Day{0}, Cents{1}}};
  const BatchHeader header = header_of("carrier-a", "k", 2);
  ASSERT_TRUE(store.stage(writer.chunk(attempt_name(1), 0, prices)).has_value());
  writer.publish(writer.request({}));
  EXPECT_EQ(made->number("SELECT count(*) FROM price"), 2) << "staged and committed as rows";
  EXPECT_EQ(made->rows(ask).size(), 0U) << "and invisible";
  writer.decide(CommitDecision{header, attempt_name(1), 1});
  EXPECT_EQ(made->rows(ask), (std::vector<std::string>{"CNNGB|CNSGH|1970-01-01|1", "CNSGH|CNNGB|2021-01-01|115450"}));
  writer.decide(RetractDecision{header.id});
  EXPECT_EQ(made->rows(ask).size(), 0U);
  EXPECT_EQ(made->number("SELECT count(*) FROM price"), 2) << "past versions need them";
}

}  // namespace ratebook::store::contract
