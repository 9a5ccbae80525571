// A version that the book does not hold: its places, chain and prices come from the store.
#pragma once
#include <expected>
#include <functional>
#include <vector>

#include "api/headers.hpp"
#include "api/service.hpp"

namespace ratebook::api {

class Past {
 public:
  /// Asks for its chain, one that leads to what `view` shows: all that is read of it is of that chain.
  static Result<Past> find(Service& service, Version version, const View& view);

  const store::Head& version() const { return version_; }
  Result<PlaceTree> places() const;
  /// Reads every price of the route's days, at most Limits::past_prices_max.
  std::expected<std::vector<book::DayRate>, Problem> rates(const PlaceTree& places, const book::RateQuery& query) const;

 private:
  Past(Service& service, const store::Head& version) : service_(&service), version_(version) {}

  Service* service_;
  store::Head version_;
};

/// Has `answer` run on the threads for this, which may wait for the store; where too much waits there, answers so.
void on_past(Service& service, const http::Respond& respond, std::function<void()> answer);

/// Why a version later than the one shown cannot be asked for: it does not exist yet, or will be shown in a moment.
Problem not_visible(Service& service, Version version, const View& view);

}  // namespace ratebook::api
