// A chunk as bytes: how prices travel through spool and log. 10 bytes a price and 5 a port.
//
//   u8 format (1) | u8 day width | u16 0 | u32 price count | u32 port count | u32 first day      little-endian
//   5 bytes a port code | u16 origin index a price | u16 destination index … | day offset, 2 or 4 bytes … | u32 cents …
#pragma once
#include <string>
#include <string_view>

#include "model/error.hpp"
#include "model/price.hpp"

namespace ratebook {

/// At most about 1 MB less what a record needs around it: chunks stay under the broker's default record limit.
inline constexpr std::size_t packed_chunk_bytes_max = 960 * 1024;

/// Appends the packed form of `chunk` to `out`. 1..chunk_prices_max items.
void pack_chunk(const Chunk& chunk, std::string& out);

/// Any bytes: Failure::damaged with what is wrong and where, unless every code, index, day and amount is in range and
/// nothing is left over.
Result<Chunk> unpack_chunk(std::string_view bytes);

}  // namespace ratebook
