#include "cli/import_rows.hpp"

#include <fmt/format.h>

#include <charconv>
#include <set>

namespace ratebook::cli {
namespace {

/// The index in `ports[17].code`, where it begins with `list`.
std::optional<std::size_t> index_in(std::string_view field, std::string_view list) {
  if (!field.starts_with(list) || !field.substr(list.size()).starts_with('[')) return std::nullopt;
  std::size_t index = 0;
  const auto digits = field.substr(list.size() + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  return error == std::errc{} ? std::optional{index} : std::nullopt;
}

template <class Item>
void leave_out(std::vector<Item>& items, const std::set<std::size_t>& indices) {
  for (auto index = indices.rbegin(); index != indices.rend(); ++index) {
    items.erase(items.begin() + static_cast<std::ptrdiff_t>(*index));
  }
}

std::string_view explain(CentsError error) {
  switch (error) {
    case CentsError::not_a_number:
      return "the price is no decimal number";
    case CentsError::exponent:
      return "the price is written with an exponent";
    case CentsError::too_many_decimals:
      return "the price has more than two decimals";
    case CentsError::not_positive:
      return "the price is not more than 0";
    case CentsError::too_large:
      return "the price is more than 20,000,000.00";
  }
  return "the price is wrong";
}

/// `1154.5000` of a numeric column says no more than `1154.50`.
std::string_view without_idle_zeros(std::string_view price) {
  const auto point = price.find('.');
  if (point == std::string_view::npos) return price;
  while (price.size() > point + 3 && price.ends_with('0')) price.remove_suffix(1);
  return price;
}

std::string why_not(const ExistingPrice& price, const PlaceTree& ports) {
  for (const auto& [name, code] : {std::pair{"orig_code", price.orig_code}, std::pair{"dest_code", price.dest_code}}) {
    if (!code) return fmt::format("{} is NULL", name);
    if (!ports.find_open_port(*code)) return fmt::format("{}: no port that comes in has this code", name);
  }
  if (*price.orig_code == *price.dest_code) return "origin and destination are the same port";
  if (!price.day) return "the day is NULL";
  if (!parse_day(*price.day)) return "the day does not lie between 1970-01-01 and 2149-12-31";
  if (!price.price) return "the price is NULL";
  const auto cents = parse_cents(without_idle_zeros(*price.price));
  return cents ? "" : std::string{explain(cents.error())};
}

}  // namespace

void WrongRows::add(std::string table, std::string key, std::string why) {
  ++count_;
  if (kept_.size() < kept_max) kept_.push_back({std::move(table), std::move(key), std::move(why)});
}

PlacesDocument good_places(PlacesDocument places, WrongRows& wrong) {
  // What is left out may leave others without a parent: until nothing is wrong any more.
  for (auto problems = check_places(places); !problems.empty(); problems = check_places(places)) {
    std::set<std::size_t> regions;
    std::set<std::size_t> ports;
    for (const auto& problem : problems) {
      if (const auto region = index_in(problem.field, "regions"); region && regions.insert(*region).second) {
        wrong.add("regions", places.regions[*region].slug, problem.message);
      } else if (const auto port = index_in(problem.field, "ports"); port && ports.insert(*port).second) {
        wrong.add("ports", places.ports[*port].code, problem.message);
      }
    }
    if (regions.empty() && ports.empty()) {  // of the whole, not of a row
      wrong.add("places", "", problems.front().message);
      return {};
    }
    leave_out(places.regions, regions);
    leave_out(places.ports, ports);
  }
  return places;
}

bool append_price(std::string& csv, const ExistingPrice& price, const PlaceTree& ports, WrongRows& wrong) {
  if (auto why = why_not(price, ports); !why.empty()) {
    const auto shown = [](const std::optional<std::string_view>& field) { return field.value_or("NULL"); };
    wrong.add("prices",
              fmt::format("{},{},{},{}", shown(price.orig_code), shown(price.dest_code), shown(price.day),
                          shown(price.price)),
              std::move(why));
    return false;
  }
  fmt::format_to(std::back_inserter(csv), "{},{},{},{}\n", *price.orig_code, *price.dest_code, *price.day,
                 without_idle_zeros(*price.price));
  return true;
}

}  // namespace ratebook::cli
