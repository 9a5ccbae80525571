// Some routes of many chunks: a chunk's rows are contiguous and sorted, so it is its own index, searched by row number.
#pragma once
#include <span>

#include "sqlite/price_rows.hpp"

namespace ratebook::sqlite {

/// The prices that pass, of each chunk in turn. What is not read is not checked.
void scan_matching(Connection& db, std::span<const ChunkRows> chunks, const store::PriceFilter& filter, Outlet& outlet);

}  // namespace ratebook::sqlite
