#include "postgres/price_copy.hpp"

#include <bit>
#include <cstring>

#include "model/turns.hpp"

namespace ratebook::postgres {
namespace {

constexpr std::string_view signature{"PGCOPY\n\377\r\n\0", 11};
constexpr std::size_t header_bytes = signature.size() + 8;  // flags, and the length of an extension: both zero
constexpr std::size_t row_bytes = 2 + 5 * 4 + 8 + 4 * 4;
constexpr std::int32_t day_2000 = 10'957;  ///< PostgreSQL's days begin on 2000-01-01

template <class Number>
Number big_endian(Number value) {
  static_assert(std::endian::native == std::endian::little);
  if constexpr (sizeof value == 2) {
    return static_cast<Number>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
  } else if constexpr (sizeof value == 4) {
    return static_cast<Number>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  } else {
    return static_cast<Number>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
  }
}

template <class Number>
char* put(char* at, Number value) {
  const Number swapped = big_endian(value);
  std::memcpy(at, &swapped, sizeof swapped);
  return at + sizeof swapped;
}

template <class Number>
char* put_field(char* at, Number value) {
  return put(put(at, static_cast<std::int32_t>(sizeof value)), value);
}

template <class Number>
Number take(std::string_view& bytes) {
  Number value;
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return big_endian(value);
}

template <class Number>
bool take_field(std::string_view& bytes, Number& value) {
  if (take<std::int32_t>(bytes) != static_cast<std::int32_t>(sizeof value)) return false;
  value = take<Number>(bytes);
  return true;
}

}  // namespace

std::string encode_prices(std::int64_t chunk, std::span<const NumberedPrice> prices) {
  std::string bytes(header_bytes + prices.size() * row_bytes + 2, '\0');
  std::memcpy(bytes.data(), signature.data(), signature.size());
  char* at = bytes.data() + header_bytes;
  for (std::size_t i = 0; i < prices.size(); ++i) {
    if (i % 1024 == 0) let_others_run();
    const NumberedPrice& price = prices[i];
    at = put(at, std::int16_t{5});
    at = put_field(at, chunk);
    at = put_field(at, static_cast<std::int32_t>(price.orig));
    at = put_field(at, static_cast<std::int32_t>(price.dest));
    at = put_field(at, static_cast<std::int32_t>(price.day.since_1970) - day_2000);
    at = put_field(at, static_cast<std::int32_t>(price.amount.value));
  }
  put(at, std::int16_t{-1});
  return bytes;
}

Result<std::optional<CopiedPrice>> PriceDecoder::decode(std::string_view piece) {
  const auto damaged = [] { return fail(Failure::damaged, "PostgreSQL sent no rows of prices"); };
  if (!begun_) {
    if (!piece.starts_with(signature) || piece.size() < header_bytes) return damaged();
    piece.remove_prefix(header_bytes);
    begun_ = true;
  }
  if (piece.size() == 2 && take<std::int16_t>(piece) == -1) return std::nullopt;
  if (piece.size() != row_bytes || take<std::int16_t>(piece) != 5) return damaged();
  CopiedPrice row;
  std::int32_t orig = 0;
  std::int32_t dest = 0;
  std::int32_t day = 0;
  std::int32_t cents = 0;
  const bool whole = take_field(piece, row.chunk) && take_field(piece, orig) && take_field(piece, dest) &&
                     take_field(piece, day) && take_field(piece, cents);
  if (!whole || orig < 0 || dest < 0 || cents <= 0 || day < day_min.since_1970 - day_2000 ||
      day > day_max.since_1970 - day_2000) {
    return damaged();
  }
  row.price = {static_cast<PortNumber>(orig), static_cast<PortNumber>(dest),
               Day{static_cast<decltype(Day::since_1970)>(day + day_2000)},
               Cents{static_cast<decltype(Cents::value)>(cents)}};
  return row;
}

}  // namespace ratebook::postgres
