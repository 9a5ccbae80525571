#include "sqlite/price_checksum.hpp"

#include <bit>
#include <type_traits>

namespace ratebook::sqlite {

void PriceChecksum::restart() { XXH3_64bits_reset(state_.get()); }

void PriceChecksum::add(std::span<const NumberedPrice> prices) {
  static_assert(std::endian::native == std::endian::little);
  static_assert(sizeof(NumberedPrice) == 16 && std::has_unique_object_representations_v<NumberedPrice>);
  XXH3_64bits_update(state_.get(), prices.data(), prices.size_bytes());
}

std::int64_t PriceChecksum::value() const { return std::bit_cast<std::int64_t>(XXH3_64bits_digest(state_.get())); }

}  // namespace ratebook::sqlite
