// What a marker knows its chunk's prices by: a changed bit in the file must not become a wrong rate.
#pragma once
#include <xxhash.h>

#include <cstdint>
#include <memory>
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
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };

  std::unique_ptr<XXH3_state_t, Free> state_{XXH3_createState()};
};

}  // namespace ratebook::sqlite
