// What of an existing service's tables can come in, and what cannot, by key and with the reason. Pure.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/existing_tables.hpp"
#include "model/places.hpp"

namespace ratebook::cli {

struct WrongRow {
  std::string table;  ///< regions, ports, prices
  std::string key;
  std::string why;
};

/// Rows that cannot come in: all are counted, the first are kept.
class WrongRows {
 public:
  static constexpr std::size_t kept_max = 100;

  void add(std::string table, std::string key, std::string why);
  std::uint64_t count() const { return count_; }
  const std::vector<WrongRow>& kept() const { return kept_; }

 private:
  std::uint64_t count_ = 0;
  std::vector<WrongRow> kept_;
};

/// The places without the rows that check_places refuses, and without what lies in these.
PlacesDocument good_places(PlacesDocument places, WrongRows& wrong);

/// Appends the price as a line of CSV; or adds it to `wrong`. `ports` are those of the good places.
bool append_price(std::string& csv, const ExistingPrice& price, const PlaceTree& ports, WrongRows& wrong);

}  // namespace ratebook::cli
