// The file's schema, step by step: what makes it ours, and what brings an older file up to date.
#pragma once
#include <cstdint>
#include <string>

#include "model/error.hpp"
#include "sqlite/connection.hpp"

namespace ratebook::sqlite {

inline constexpr std::int32_t application_id = 0x52746B62;  ///< "Rtkb", in the file's header
inline constexpr std::int64_t page_bytes = 8192;  ///< measured: commits a quarter faster than 4096, 16384 no better

/// The schema that this program writes; a file of a later one is refused.
std::int32_t newest_schema();

/// Failure::damaged: the file is of another program. Failure::conflict: of a newer release. Changes nothing.
Result<void> check_ours(Connection& db, const std::string& path);

/// Makes an empty file ours, or brings an older one up to date, each step in one transaction. The count of partitions
/// is for a new file only.
Result<void> migrate(Connection& db, std::uint32_t partition_count);

}  // namespace ratebook::sqlite
