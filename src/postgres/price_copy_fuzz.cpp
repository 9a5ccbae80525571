// What a server sends as prices: any bytes, cut into pieces anywhere, are rows or a fault.
#include "postgres/price_copy.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ratebook;
  std::string_view bytes{reinterpret_cast<const char*>(data), size};
  postgres::PriceDecoder decoder;
  std::vector<NumberedPrice> prices;
  // Each piece is led by its length, as libpq hands on one message after the other.
  while (!bytes.empty()) {
    const std::size_t length = std::min<std::size_t>(static_cast<std::uint8_t>(bytes.front()), bytes.size() - 1);
    const auto row = decoder.decode(bytes.substr(1, length));
    bytes.remove_prefix(1 + length);
    if (!row || !*row) break;
    prices.push_back((*row)->price);
    if ((*row)->price.day < day_min || (*row)->price.day > day_max || (*row)->price.amount.value == 0) __builtin_trap();
  }
  // What was read goes out again as rows that read the same.
  const std::string again = postgres::encode_prices(7, prices);
  postgres::PriceDecoder second;
  constexpr std::size_t header = 19;
  constexpr std::size_t row_bytes = 46;
  for (std::size_t i = 0; i < prices.size(); ++i) {
    const std::size_t from = i == 0 ? 0 : header + i * row_bytes;
    const auto row = second.decode(std::string_view{again}.substr(from, (i == 0 ? header : 0) + row_bytes));
    if (!row || !*row || (*row)->price != prices[i] || (*row)->chunk != 7) __builtin_trap();
  }
  return 0;
}
