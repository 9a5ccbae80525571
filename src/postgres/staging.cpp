#include "postgres/staging.hpp"

#include <algorithm>

#include "postgres/price_copy.hpp"

namespace ratebook::postgres {

Statement insert_marker(const std::string& attempt, std::uint32_t chunk, std::span<const NumberedPrice> prices) {
  Day first = day_min;
  Day last = day_min;
  if (!prices.empty()) {
    const auto [least, most] = std::ranges::minmax(prices, {}, &NumberedPrice::day);
    first = least.day;
    last = most.day;
  }
  return Statement{
      "INSERT INTO marker (attempt, chunk, price_count, first_day, last_day) "
      "VALUES ($1, $2, $3, date '1970-01-01' + $4::integer, date '1970-01-01' + $5::integer) "
      "ON CONFLICT DO NOTHING RETURNING number",
      attempt,
      chunk,
      prices.size(),
      first.since_1970,
      last.since_1970};
}

Result<void> copy_prices(Connection& connection, std::int64_t number, std::span<const NumberedPrice> prices) {
  return connection.copy_in("COPY price FROM STDIN (FORMAT binary)", encode_prices(number, prices));
}

}  // namespace ratebook::postgres
