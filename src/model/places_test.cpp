// Places: what is refused, the tree at any depth against a walk up from every port, and what a change closes.
#include "model/places.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace ratebook {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

PlacesDocument sample() {
  return {.regions = {{"china_main", "China Main", ""},
                      {"china_east_main", "China East Main", "china_main"},
                      {"china_south_main", "China South Main", "china_main"},
                      {"north_europe", "North Europe", ""}},
          .ports = {{"NLRTM", "Rotterdam", "north_europe"},
                    {"CNSGH", "Shanghai", "china_east_main"},
                    {"CNYTN", "Yantian", "china_south_main"},
                    {"CNOLD", "Old", "", true},
                    {"CNNGB", "Ningbo", "china_east_main"},
                    {"CNHKG", "Hong Kong", "china_main"}}};
}

std::vector<std::string> codes(const PlaceTree& tree, std::string_view place) {
  std::vector<std::string> found;
  for (const PortNumber port : tree.ports(tree.find(place).value())) found.emplace_back(tree.code(port).view());
  return found;
}

std::vector<std::string> problems(const PlacesDocument& places) {
  std::vector<std::string> found;
  for (const auto& problem : check_places(places)) found.push_back(problem.field + " " + problem.code);
  return found;
}

TEST(PlaceTree, FindsPortsAndRegions) {
  const PlaceTree tree{sample()};
  EXPECT_EQ(tree.port_count(), 6U);
  EXPECT_EQ(tree.region_count(), 4U);
  EXPECT_EQ(tree.find("CNSGH"), (PlaceNumber{PlaceNumber::Kind::port, 1}));
  EXPECT_EQ(tree.find("china_south_main"), (PlaceNumber{PlaceNumber::Kind::region, 2}));
  for (const char* unknown : {"", "CNXXX", "cnsgh", "china", "CHINA", "china_main "}) {
    EXPECT_FALSE(tree.find(unknown)) << unknown;
  }
  EXPECT_FALSE(PlaceTree{}.find("CNSGH"));
  EXPECT_FALSE(PlaceTree{}.find("china_main"));
}

TEST(PlaceTree, ARegionHoldsAllBelowIt) {
  const PlaceTree tree{sample()};
  EXPECT_THAT(codes(tree, "china_east_main"), UnorderedElementsAre("CNSGH", "CNNGB"));
  EXPECT_THAT(codes(tree, "china_main"), UnorderedElementsAre("CNSGH", "CNNGB", "CNYTN", "CNHKG"));
  EXPECT_THAT(codes(tree, "north_europe"), ElementsAre("NLRTM"));
  EXPECT_THAT(codes(tree, "CNYTN"), ElementsAre("CNYTN"));
}

TEST(PlaceTree, KnowsTheWayUp) {
  const PlaceTree tree{sample()};
  EXPECT_THAT(tree.regions_of(1), ElementsAre(1, 0));
  EXPECT_THAT(tree.regions_of(5), ElementsAre(0));
  EXPECT_THAT(tree.regions_of(3), ElementsAre());
  EXPECT_EQ(tree.parent(1), 0U);
  EXPECT_FALSE(tree.parent(3));
}

TEST(PlaceTree, AClosedPortAnswersByItsCodeOnly) {
  const PlaceTree tree{sample()};
  const auto port = tree.find_port(PortCode::parse("CNOLD").value());
  ASSERT_EQ(port, 3U);
  EXPECT_TRUE(tree.is_closed(*port));
  EXPECT_FALSE(tree.is_closed(1));
  EXPECT_THAT(codes(tree, "CNOLD"), ElementsAre("CNOLD"));
}

TEST(PlaceTree, IsAsDeepAsItHasRegions) {
  constexpr std::size_t depth = 20'000;
  PlacesDocument places;
  for (std::size_t i = 0; i < depth; ++i) {
    places.regions.push_back({fmt::format("r{}", i), "r", i == 0 ? "" : fmt::format("r{}", i - 1)});
  }
  places.ports = {{"CNSGH", "Shanghai", fmt::format("r{}", depth - 1)}, {"NLRTM", "Rotterdam", "r0"}};
  ASSERT_TRUE(check_places(places).empty());
  const PlaceTree tree{places};
  EXPECT_EQ(tree.regions_of(0).size(), depth);
  EXPECT_THAT(codes(tree, "r0"), UnorderedElementsAre("CNSGH", "NLRTM"));
  EXPECT_THAT(codes(tree, "r1"), ElementsAre("CNSGH"));
}

/// A forest of regions in which each one's parent is an earlier or no one, then put into any order; some ports closed.
PlacesDocument any_places() {
  PlacesDocument places;
  const auto region_count = *rc::gen::inRange<std::size_t>(1, 30);
  for (std::size_t i = 0; i < region_count; ++i) {
    const auto parent = *rc::gen::inRange<std::size_t>(0, i + 1);
    places.regions.push_back({fmt::format("r{}", i), "r", parent == i ? "" : fmt::format("r{}", parent)});
  }
  const auto port_count = *rc::gen::inRange<std::size_t>(0, 40);
  for (std::size_t i = 0; i < port_count; ++i) {
    const auto region = *rc::gen::inRange<std::size_t>(0, region_count + 1);
    const bool closed = region == region_count;
    places.ports.push_back({fmt::format("AA{:03}", i), "p", closed ? "" : fmt::format("r{}", region), closed});
  }
  const auto turn = *rc::gen::inRange<std::size_t>(0, region_count);
  std::ranges::rotate(places.regions, places.regions.begin() + static_cast<std::ptrdiff_t>(turn));
  std::ranges::reverse(places.ports);
  return places;
}

RC_GTEST_PROP(PlaceTreeProperty, RangesAgreeWithTheWayUp, ()) {
  const PlacesDocument places = any_places();
  RC_ASSERT(check_places(places).empty());
  const PlaceTree tree{places};
  for (RegionNumber region = 0; region < tree.region_count(); ++region) {
    std::vector<PortNumber> expected;
    for (PortNumber port = 0; port < tree.port_count(); ++port) {
      if (std::ranges::count(tree.regions_of(port), region) == 1) expected.push_back(port);
    }
    const auto range = tree.ports({PlaceNumber::Kind::region, region});
    std::vector<PortNumber> found{range.begin(), range.end()};
    std::ranges::sort(found);
    RC_ASSERT(found == expected);
  }
  for (PortNumber port = 0; port < tree.port_count(); ++port) {
    RC_ASSERT(tree.find(places.ports[port].code) == (PlaceNumber{PlaceNumber::Kind::port, port}));
    RC_ASSERT(tree.code(port).view() == places.ports[port].code);
  }
}

TEST(CheckPlaces, GoodPlacesHaveNoProblem) {
  EXPECT_THAT(problems(sample()), ElementsAre());
  EXPECT_THAT(problems({}), ElementsAre());
}

TEST(CheckPlaces, Regions) {
  auto places = sample();
  places.regions.push_back({"China", "China", ""});
  places.regions.push_back({"", "China", ""});
  places.regions.push_back({std::string(65, 'a'), "China", ""});
  places.regions.push_back({"china_main", "China", ""});
  places.regions.push_back({"a", "", ""});
  places.regions.push_back({"b", "\xff", ""});
  places.regions.push_back({"c", std::string(201, 'n'), ""});
  places.regions.push_back({"d", "tab\there", ""});
  places.regions.push_back({"e", "E", "nowhere"});
  EXPECT_THAT(
      problems(places),
      ElementsAre("regions[4].slug bad-slug", "regions[5].slug bad-slug", "regions[6].slug bad-slug",
                  "regions[7].slug repeated", "regions[8].name bad-name", "regions[9].name bad-name",
                  "regions[10].name bad-name", "regions[11].name bad-name", "regions[12].parent_slug unknown-parent"));
}

TEST(CheckPlaces, Ports) {
  auto places = sample();
  places.ports.push_back({"cnsha", "a", "china_main"});
  places.ports.push_back({"CNSGH", "a", "china_main"});
  places.ports.push_back({"CNAAA", "", "china_main"});
  places.ports.push_back({"CNBBB", "a", ""});
  places.ports.push_back({"CNCCC", "a", "nowhere"});
  places.ports.push_back({"CNDDD", "a", "china_main", true});
  EXPECT_THAT(problems(places),
              ElementsAre("ports[6].code bad-code", "ports[7].code repeated", "ports[8].name bad-name",
                          "ports[9].parent_slug missing", "ports[10].parent_slug unknown-parent",
                          "ports[11].parent_slug closed-in-region"));
}

TEST(CheckPlaces, Cycles) {
  PlacesDocument places{.regions = {{"a", "a", "b"}, {"b", "b", "c"}, {"c", "c", "b"}, {"d", "d", "d"}, {"e", "e", ""}},
                        .ports = {}};
  EXPECT_THAT(problems(places), UnorderedElementsAre("regions[1].parent_slug cycle", "regions[2].parent_slug cycle",
                                                     "regions[3].parent_slug cycle"));
}

// One long cycle with as many regions hanging from it took a walk around it for each of them.
TEST(CheckPlaces, ALargeCycleIsWalkedOnce) {
  PlacesDocument places;
  constexpr std::size_t count = 30'000;
  for (std::size_t i = 0; i < count; ++i) {
    places.regions.push_back({fmt::format("c{}", i), "c", fmt::format("c{}", (i + 1) % count)});
    places.regions.push_back({fmt::format("h{}", i), "h", fmt::format("c{}", i)});
  }
  EXPECT_EQ(check_places(places, 1'000'000).size(), count);
}

TEST(CheckPlaces, ListsAtMostAsManyAsAsked) {
  PlacesDocument places;
  places.regions.assign(1000, {"Bad", "", ""});
  EXPECT_EQ(check_places(places).size(), 100U);
  EXPECT_EQ(check_places(places, 7).size(), 7U);
}

// python3: sha256(b"".join(sorted([b"region\tchina_main\tChina Main\t\n", b"region\tchina_east\tChina
// East\tchina_main\n",
//          b"port\tCNSGH\tShanghai\tchina_east\tfalse\n", b"port\tNLRTM\tRotterdam\t\ttrue\n"]))).hexdigest()
TEST(PlacesDigest, IsEqualForEqualPlaces) {
  PlacesDocument places{.regions = {{"china_main", "China Main", ""}, {"china_east", "China East", "china_main"}},
                        .ports = {{"CNSGH", "Shanghai", "china_east"}, {"NLRTM", "Rotterdam", "", true}}};
  const std::string digest = "49b8229dcd022f9e9c7c4fa072b9d6ef4f5647781b8b83243fc429a3ddf3633d";
  EXPECT_EQ(places_digest(places), digest);
  std::ranges::reverse(places.regions);
  std::ranges::reverse(places.ports);
  EXPECT_EQ(places_digest(places), digest);
  places.ports[0].closed = false;
  EXPECT_NE(places_digest(places), digest);
}

TEST(ReplacePlaces, ClosesWhatIsNotNamedAndAppendsWhatIsNew) {
  const PlacesDocument current = sample();
  const PlacesDocument put{.regions = {{"asia", "Asia", ""}},
                           .ports = {{"CNAAA", "New", "asia"},
                                     {"CNSGH", "Shanghai Port", "asia"},
                                     {"CNOLD", "Old", "asia"},
                                     {"CNBBB", "Newer", "asia"}}};
  const PlacesDocument next = replace_places(current, put);
  EXPECT_EQ(next.regions, put.regions);
  EXPECT_EQ(next.ports, (std::vector<PortDocument>{{"NLRTM", "Rotterdam", "", true},
                                                   {"CNSGH", "Shanghai Port", "asia"},
                                                   {"CNYTN", "Yantian", "", true},
                                                   {"CNOLD", "Old", "asia"},
                                                   {"CNNGB", "Ningbo", "", true},
                                                   {"CNHKG", "Hong Kong", "", true},
                                                   {"CNAAA", "New", "asia"},
                                                   {"CNBBB", "Newer", "asia"}}));
  EXPECT_TRUE(check_places(next).empty());
  EXPECT_EQ(replace_places(next, put), next);
}

RC_GTEST_PROP(ReplacePlacesProperty, PortsKeepTheirNumbers, ()) {
  const PlacesDocument current = any_places();
  const PlacesDocument put = any_places();
  const PlacesDocument next = replace_places(current, put);
  RC_ASSERT(check_places(next).empty());
  for (std::size_t i = 0; i < current.ports.size(); ++i) RC_ASSERT(next.ports[i].code == current.ports[i].code);
  for (const auto& port : put.ports) RC_ASSERT(std::ranges::count(next.ports, port) == 1);
}

TEST(Utf8, FollowsTheTable) {
  for (const char* good : {"", "abc", "ä", "€", "𝄞", "\xED\x9F\xBF", "\xEE\x80\x80", "\xF4\x8F\xBF\xBF", "\xC2\x80"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
                          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xC3", "\xE2\x82", "a\xE2\x82z", "\xC3("}) {
    EXPECT_FALSE(is_utf8(bad)) << testing::PrintToString(bad);
  }
}

TEST(PortCode, TwoLettersAndThreeCharacters) {
  for (const char* good : {"CNSGH", "US123", "AAA0Z"}) EXPECT_TRUE(PortCode::parse(good)) << good;
  for (const char* bad : {"", "CNSG", "CNSGHH", "cnsgh", "C1SGH", "1NSGH", "CNS H", "CNSG\xc4"}) {
    EXPECT_FALSE(PortCode::parse(bad)) << bad;
  }
}

RC_GTEST_PROP(PortCodeProperty, ItsNumberIsEqualAndOrderedAsTheCodesAre, ()) {
  const auto any_code = rc::gen::map(rc::gen::container<std::string>(5, rc::gen::elementOf(std::string{"ABYZ"})),
                                     [](const std::string& text) { return PortCode::parse(text).value(); });
  const PortCode a = *any_code;
  const PortCode b = *any_code;
  RC_ASSERT((a <=> b) == (a.number() <=> b.number()));
}

}  // namespace
}  // namespace ratebook
