// Arrays of little-endian numbers, one after the other, as packed_chunk.hpp draws them. There is one packed form of a
// chunk: what unpack_chunk takes, pack_chunk gives back byte for byte.
#include "model/packed_chunk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

namespace ratebook {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they stand in memory");

constexpr std::uint8_t format_now = 1;
constexpr std::size_t header_bytes = 16;
constexpr std::size_t code_bytes = 5;
constexpr std::uint32_t narrow_max = std::numeric_limits<std::uint16_t>::max();
constexpr std::size_t ports_max = std::size_t{narrow_max} + 1;

template <class Number>
void put(char*& at, Number number) {
  std::memcpy(at, &number, sizeof(number));
  at += sizeof(number);
}

template <class Number>
Number get(const char*& at) {
  Number number;
  std::memcpy(&number, at, sizeof(number));
  at += sizeof(number);
  return number;
}

std::unexpected<Fault> bad(std::string what) {
  return fail(Failure::damaged, "not a packed chunk: " + std::move(what));
}

struct Header {
  std::uint32_t item_count = 0;
  std::uint32_t port_count = 0;
  std::uint32_t first_day = 0;
  bool wide_days = false;

  std::size_t chunk_bytes() const {
    return header_bytes + port_count * code_bytes + std::size_t{item_count} * (wide_days ? 12 : 10);
  }
};

Result<Header> read_header(std::string_view bytes) {
  if (bytes.size() < header_bytes) return bad(fmt::format("{} bytes, less than a header", bytes.size()));
  const char* at = bytes.data();
  const auto format = get<std::uint8_t>(at);
  const auto day_bytes = get<std::uint8_t>(at);
  const auto zero = get<std::uint16_t>(at);
  Header header;
  header.item_count = get<std::uint32_t>(at);
  header.port_count = get<std::uint32_t>(at);
  header.first_day = get<std::uint32_t>(at);
  header.wide_days = day_bytes == 4;
  if (format != format_now) return bad(fmt::format("format {}", format));
  if ((day_bytes != 2 && day_bytes != 4) || zero != 0) return bad("its header's second to fourth byte");
  if (header.item_count == 0 || header.item_count > chunk_prices_max) {
    return bad(fmt::format("{} prices", header.item_count));
  }
  if (header.port_count == 0 || header.port_count > ports_max) return bad(fmt::format("{} ports", header.port_count));
  if (header.first_day > static_cast<std::uint32_t>(day_max.since_1970)) {
    return bad(fmt::format("first day {}", header.first_day));
  }
  if (bytes.size() != header.chunk_bytes()) {
    return bad(fmt::format("{} bytes instead of {}", bytes.size(), header.chunk_bytes()));
  }
  return header;
}

Result<void> read_ports(const char*& at, std::size_t count, std::vector<PortCode>& ports) {
  ports.reserve(count);
  for (std::size_t i = 0; i < count; ++i, at += code_bytes) {
    const auto code = PortCode::parse({at, code_bytes});
    if (!code) return bad(fmt::format("the code of port {}", i));
    ports.push_back(*code);
  }
  auto sorted = ports;
  std::ranges::sort(sorted);
  if (const auto twice = std::ranges::adjacent_find(sorted); twice != sorted.end()) {
    return bad(fmt::format("port {} stands twice", twice->view()));
  }
  return {};
}

template <class Offset>
Result<void> read_days(const char*& at, const Header& header, std::vector<Chunk::Item>& items) {
  const auto last = static_cast<std::uint32_t>(day_max.since_1970) - header.first_day;
  std::uint32_t least = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t most = 0;
  for (auto& item : items) {
    const std::uint32_t offset = get<Offset>(at);
    least = std::min(least, offset);
    most = std::max(most, offset);
    item.day = Day{static_cast<std::int32_t>(header.first_day + offset)};
  }
  if (most > last) return bad(fmt::format("a day {} days after the first", most));
  if (least != 0 || header.wide_days != (most > narrow_max)) return bad("its days could be shorter");
  return {};
}

}  // namespace

void pack_chunk(const Chunk& chunk, std::string& out) {
  const auto [first, last] = std::ranges::minmax(chunk.items, {}, &Chunk::Item::day);
  const auto first_day = static_cast<std::uint32_t>(first.day.since_1970);
  Header header{.item_count = static_cast<std::uint32_t>(chunk.items.size()),
                .port_count = static_cast<std::uint32_t>(chunk.ports.size()),
                .first_day = first_day,
                .wide_days = static_cast<std::uint32_t>(last.day.since_1970) - first_day > narrow_max};
  const std::size_t begin = out.size();
  out.resize(begin + header.chunk_bytes());
  char* at = out.data() + begin;
  put(at, format_now);
  put(at, static_cast<std::uint8_t>(header.wide_days ? 4 : 2));
  put(at, std::uint16_t{0});
  put(at, header.item_count);
  put(at, header.port_count);
  put(at, header.first_day);
  for (const auto& port : chunk.ports) {
    std::memcpy(at, port.view().data(), code_bytes);
    at += code_bytes;
  }
  for (const auto& item : chunk.items) put(at, item.orig);
  for (const auto& item : chunk.items) put(at, item.dest);
  for (const auto& item : chunk.items) {
    const std::uint32_t offset = static_cast<std::uint32_t>(item.day.since_1970) - first_day;
    if (header.wide_days) {
      put(at, offset);
    } else {
      put(at, static_cast<std::uint16_t>(offset));
    }
  }
  for (const auto& item : chunk.items) put(at, item.amount.value);
}

Result<Chunk> unpack_chunk(std::string_view bytes) {
  const auto header = read_header(bytes);
  if (!header) return std::unexpected(header.error());
  Chunk chunk;
  const char* at = bytes.data() + header_bytes;
  if (auto ports = read_ports(at, header->port_count, chunk.ports); !ports) return std::unexpected(ports.error());
  chunk.items.resize(header->item_count);
  std::uint32_t index_most = 0;
  for (auto& item : chunk.items) index_most = std::max<std::uint32_t>(index_most, item.orig = get<std::uint16_t>(at));
  for (auto& item : chunk.items) index_most = std::max<std::uint32_t>(index_most, item.dest = get<std::uint16_t>(at));
  if (index_most >= header->port_count) return bad(fmt::format("a price names port {}", index_most));
  auto days = header->wide_days ? read_days<std::uint32_t>(at, *header, chunk.items)
                                : read_days<std::uint16_t>(at, *header, chunk.items);
  if (!days) return std::unexpected(days.error());
  for (auto& item : chunk.items) {
    item.amount = Cents{get<std::uint32_t>(at)};
    if (item.amount.value == 0 || item.amount > cents_max) {
      return bad(fmt::format("an amount of {} cents", item.amount.value));
    }
  }
  return chunk;
}

}  // namespace ratebook
