#include "log/look.hpp"

#include <fmt/format.h>

namespace ratebook::log {
namespace {

Look missing(Look::Finding finding, std::uint32_t partition, Offset offset) {
  return {finding, fmt::format("the log's partition {} has no record {}, from which the store goes on; connect the log "
                               "that belongs to this store, or see what the docs say of a restored backup",
                               partition, offset)};
}

}  // namespace

Result<Look> look_at(Log& log, std::uint32_t partition, const Position& position) {
  using Finding = Look::Finding;
  if (position.offset < 0) return Look{};
  const auto records = log.read(partition, position.offset, 1, Duration{0});
  if (!records) {
    if (records.error().failure != Failure::damaged) return std::unexpected(records.error());
    return missing(Finding::trimmed, partition, position.offset);
  }
  if (records->empty()) return missing(Finding::ends_before, partition, position.offset);
  if (records->front().offset != position.offset) return missing(Finding::other, partition, position.offset);
  if (sha256(records->front().bytes) == position.digest) return Look{};
  return Look{Finding::other,
              fmt::format("the log's partition {} is not the one that the store was written from: its record {} has "
                          "other bytes; connect the log that belongs to this store",
                          partition, position.offset)};
}

}  // namespace ratebook::log
