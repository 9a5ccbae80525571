// What a marker knows its chunk's prices by: a changed bit in the file must not become a wrong rate.
#pragma once
#define XXH_STATIC_LINKING_ONLY  // the state as a member
#include <xxhash.h>

#include <cstdint>
#include <span>

#include "model/price.hpp"

namespace ratebook::sqlite {

/// XXH3 (64 bits) over prices in their order, four little-endian numbers of 32 bits each: orig, dest, day, cents.
class PriceChecksum {
 public:
  PriceChecksum() { restart(); }

  void restart();
  void add(std::span<const NumberedPrice> prices);
  /// As SQLite keeps it.
  std::int64_t value() const;

 private:
  XXH3_state_t state_;
};

}  // namespace ratebook::sqlite
