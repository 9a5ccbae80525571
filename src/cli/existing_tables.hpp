// The tables of an existing PostgreSQL service (regions, ports, prices), all read from one snapshot.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "model/error.hpp"
#include "model/places.hpp"

namespace ratebook::cli {

/// A row as the database writes it; nullopt: NULL.
struct ExistingPrice {
  std::optional<std::string_view> orig_code, dest_code, day, price;
};

class ExistingTables {
 public:
  /// `connection` as libpq takes it: `host=… dbname=…`, a URI, or empty, where the environment says it all. No message
  /// repeats it, since it may hold a password.
  static Result<ExistingTables> open(const std::string& connection);
  /// Whether it names a password.
  static Result<bool> names_password(const std::string& connection);

  Result<PlacesDocument> places();
  /// Every price, by route, day and amount, so that the same table gives the same order. Stops at the first fault of
  /// `take` and returns it.
  Result<void> each_price(const std::function<Result<void>(const ExistingPrice&)>& take);

 private:
  struct Connection;
  struct Close {
    void operator()(Connection* connection) const;
  };
  explicit ExistingTables(std::unique_ptr<Connection, Close> connection) : connection_(std::move(connection)) {}

  std::unique_ptr<Connection, Close> connection_;
};

}  // namespace ratebook::cli
