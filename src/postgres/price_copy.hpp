// Prices as COPY carries them in its binary form (PostgreSQL's manual, COPY, "Binary Format").
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "model/error.hpp"
#include "model/price.hpp"

namespace ratebook::postgres {

/// A whole copy into `price (chunk, orig, dest, day, cents)`.
std::string encode_prices(std::int64_t chunk, std::span<const NumberedPrice> prices);

struct CopiedPrice {
  std::int64_t chunk = 0;
  NumberedPrice price;
};

/// Reads the same columns back, row by row, as libpq hands them on: the header comes with the first row.
class PriceDecoder {
 public:
  /// nullopt: the end's mark. Failure::damaged: anything else than such rows.
  Result<std::optional<CopiedPrice>> decode(std::string_view piece);

 private:
  bool begun_ = false;
};

}  // namespace ratebook::postgres
