#include "cli/places_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "cli/sample.hpp"

namespace ratebook::cli {
namespace {

using testing::HasSubstr;
using Rows = std::vector<std::vector<std::string>>;

TEST(Csv, reads_rfc_4180) {
  EXPECT_EQ(parse_csv("a,b\r\n\"x,y\",\"say \"\"hi\"\"\"\n\n,\n").value(),
            (Rows{{"a", "b"}, {"x,y", "say \"hi\""}, {"", ""}}));
  EXPECT_EQ(parse_csv("\xEF\xBB\xBFslug,name").value(), (Rows{{"slug", "name"}}));
  EXPECT_EQ(parse_csv("\"two\nlines\",b\nc,d\n").value(), (Rows{{"two\nlines", "b"}, {"c", "d"}}));
  EXPECT_EQ(parse_csv("").value(), Rows{});
  EXPECT_EQ(parse_csv("a,\n").value(), (Rows{{"a", ""}}));
}

TEST(Csv, says_the_line_that_is_broken) {
  EXPECT_THAT(parse_csv("a\n\"two\nlines\"\n\"open\n").error().message, HasSubstr("line 4"));
  EXPECT_THAT(parse_csv("a\n\"b\"c\n").error().message, HasSubstr("line 2"));
}

TEST(PlacesCsv, columns_stand_in_any_order) {
  EXPECT_EQ(read_regions_csv("name,parent_slug,slug\nChina Main,asia,china_main\n", "r.csv").value(),
            (std::vector<RegionDocument>{{"china_main", "China Main", "asia"}}));
  EXPECT_EQ(read_ports_csv("code,name,parent_slug\nSEGOT,\"Gothenburg, Göteborg\",baltic\n", "p.csv").value(),
            (std::vector<PortDocument>{{"SEGOT", "Gothenburg, Göteborg", "baltic", false}}));
}

TEST(PlacesCsv, a_wrong_header_or_row_is_refused_with_the_file) {
  for (const auto* text : {"", "code,name\n", "code,name,parent\n", "code,name,parent_slug,x\n",
                           "code,name,parent_slug\nSEGOT,Göteborg\n"}) {
    const auto ports = read_ports_csv(text, "p.csv");
    ASSERT_FALSE(ports) << text;
    EXPECT_THAT(ports.error().message, HasSubstr("p.csv"));
  }
}

TEST(Sample, is_good) {
  const auto places = sample_places();
  const auto problems = check_places(places);
  EXPECT_TRUE(problems.empty()) << problems.front().field << ": " << problems.front().message;
  EXPECT_GE(places.ports.size(), 40u);
}

TEST(Sample, is_a_tree_of_some_depth_in_which_every_region_holds_ports) {
  const PlaceTree tree{sample_places()};
  std::size_t deepest = 0;
  for (PortNumber port = 0; port < tree.port_count(); ++port) deepest = std::max(deepest, tree.regions_of(port).size());
  EXPECT_GE(deepest, 3u);
  for (const auto& region : tree.document().regions) {
    EXPECT_FALSE(tree.ports(tree.find(region.slug).value()).empty()) << region.slug;
  }
}

}  // namespace
}  // namespace ratebook::cli
