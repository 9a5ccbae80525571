// A version that the book does not hold: its places, chain and prices come from the store.
#pragma once
#include <expected>
#include <vector>

#include "api/headers.hpp"
#include "api/service.hpp"

namespace ratebook::api {

class Past {
 public:
  Past(Service& service, Version version) : service_(service), version_(version) {}

  Result<Digest> chain() const;
  Result<PlaceTree> places() const;
  /// Reads every price of the route's days, at most Limits::past_prices_max.
  std::expected<std::vector<book::DayRate>, Problem> rates(const PlaceTree& places, const book::RateQuery& query) const;

 private:
  Service& service_;
  Version version_;
};

/// Why a version later than the one shown cannot be asked for: it does not exist yet, or will be shown in a moment.
Problem not_visible(Service& service, Version version, const View& view);

}  // namespace ratebook::api
