#include "cli/import_rows.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/questions.hpp"

namespace ratebook::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

PlacesDocument places() {
  return {.regions = {{"asia", "Asia", ""}, {"east", "East", "asia"}, {"europe", "Europe", ""}},
          .ports = {{"CNSGH", "Shanghai", "east"}, {"NLRTM", "Rotterdam", "europe"}}};
}

std::vector<std::string> keys(const WrongRows& wrong) {
  std::vector<std::string> list;
  for (const auto& row : wrong.kept()) list.push_back(row.table + " " + row.key);
  return list;
}

TEST(GoodPlaces, are_all_where_nothing_is_wrong) {
  WrongRows wrong;
  EXPECT_EQ(good_places(places(), wrong), places());
  EXPECT_EQ(wrong.count(), 0U);
}

TEST(GoodPlaces, go_without_a_wrong_row_and_what_lies_in_it) {
  auto given = places();
  given.regions[0].name = "";
  WrongRows wrong;
  const auto good = good_places(given, wrong);
  EXPECT_THAT(keys(wrong), ElementsAre("regions asia", "regions east", "ports CNSGH"));
  EXPECT_EQ(good.regions.size(), 1U);
  EXPECT_EQ(good.ports.size(), 1U);
  EXPECT_THAT(check_places(good), IsEmpty());
}

TEST(GoodPlaces, keep_one_of_two_with_the_same_code) {
  auto given = places();
  given.ports.push_back({"NLRTM", "Rotterdam again", "europe"});
  WrongRows wrong;
  EXPECT_EQ(good_places(given, wrong), places());
  EXPECT_THAT(keys(wrong), ElementsAre("ports NLRTM"));
}

TEST(WrongRows, are_all_counted_and_the_first_kept) {
  WrongRows wrong;
  for (int i = 0; i < 250; ++i) wrong.add("prices", std::to_string(i), "why");
  EXPECT_EQ(wrong.count(), 250U);
  EXPECT_EQ(wrong.kept().size(), WrongRows::kept_max);
}

TEST(AppendPrice, keeps_the_amount_exact) {
  const PlaceTree tree{places()};
  const auto line = [&](std::string_view amount) {
    std::string csv;
    WrongRows wrong;
    append_price(csv, {"CNSGH", "NLRTM", "2021-01-05", amount}, tree, wrong);
    return csv.empty() ? wrong.kept().front().why : csv;
  };
  EXPECT_EQ(line("1154"), "CNSGH,NLRTM,2021-01-05,1154\n");
  EXPECT_EQ(line("1154.5000"), "CNSGH,NLRTM,2021-01-05,1154.50\n");
  EXPECT_EQ(line("0.0100"), "CNSGH,NLRTM,2021-01-05,0.01\n");
  EXPECT_EQ(line("0.0101"), "the price has more than two decimals");
  EXPECT_EQ(line("1e3"), "the price is written with an exponent");
  EXPECT_EQ(line("NaN"), "the price is no decimal number");
}

QuestionScope scope() { return {{"CNSGH", "NLRTM"}, {"asia", "europe"}, Day{18'628}, Day{18'658}}; }

TEST(Questions, are_the_same_for_the_same_seed) {
  EXPECT_EQ(make_questions(scope(), 7, 200), make_questions(scope(), 7, 200));
  EXPECT_NE(make_questions(scope(), 7, 200), make_questions(scope(), 8, 200));
}

TEST(Questions, lie_in_the_days_with_prices_but_for_edge_cases) {
  std::size_t edges = 0;
  for (const auto& question : make_questions(scope(), 1, 1000)) {
    const auto value = [&](std::string_view name) {
      for (const auto& [key, text] : question) {
        if (key == name) return text;
      }
      return std::string{};
    };
    const auto from = parse_day(value("date_from"));
    const auto to = parse_day(value("date_to"));
    const bool usual = question.size() == 4 && from && to && *from <= *to && *from >= scope().from && *to <= scope().to;
    if (!usual || value("orig_code") == "ZZZZZ" || value("dest_code") == "no_such_region") ++edges;
  }
  EXPECT_GT(edges, 50U);
  EXPECT_LT(edges, 200U);
}

}  // namespace
}  // namespace ratebook::cli
