// One try of this node to put one batch into the log (rules 2 and 3), and the other records that a node writes.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "log/log.hpp"
#include "log/record.hpp"
#include "model/batch.hpp"
#include "model/error.hpp"
#include "runtime/runtime.hpp"

namespace ratebook::log {

/// Where something stands in the log; `3-1042` in a Location header.
struct Place {
  std::uint32_t partition = 0;
  Offset offset = 0;
};
std::string format_place(Place place);
std::optional<Place> parse_place(std::string_view text);

struct Submitted {
  std::string attempt;
  Place last;  ///< where the last chunk stands
};

/// Packed chunk `index`, 0..chunk_count-1.
using ChunkReader = std::function<Result<std::string>(std::size_t index)>;

inline constexpr Duration attempt_time_max = std::chrono::minutes{2};  ///< T of rules 2 and 3
inline constexpr int tries_max = 3;
inline constexpr Duration retry_time_max = std::chrono::milliseconds{500};  ///< a client waits

/// Has an attempt given up by an abandon record, now or later.
using GiveUp = std::function<void(std::uint32_t partition, const std::string& attempt)>;

/// Puts a batch into its source's partition as attempts with random ids; a doubtful one is handed to `give_up`
/// (none: its abandon record is appended here), and a new one begins, at most `tries` in all, none after a doubt that
/// took retry_time_max. On success every chunk is acknowledged, the last within T of the first produce: the batch is
/// accepted. Failure::unknown: it may still be committed (a 5xx tells the client to repeat with the same key);
/// Failure::refused or full: it is surely not in. A log that is not known to be the store's is given nothing (rule 23).
Result<Submitted> put_batch(Log& log, const Runtime& runtime, const BatchHeader& header, std::size_t chunk_count,
                            const ChunkReader& chunk, int tries = tries_max, Duration time_max = attempt_time_max,
                            const GiveUp& give_up = {});

/// Gives an attempt up: void for ever, unless its last chunk stands before this record.
Result<void> abandon(Log& log, std::uint32_t partition, const std::string& attempt);

/// Puts a retraction into its source's partition; returns where it stands. Failures as put_batch's.
Result<Place> put_retraction(Log& log, const RetractionRecord& retraction);

/// The batch whose chunk stands at `place`, if it is one of batch `id`: what a node answers for `accepted`.
/// Failure::unavailable: also where this log is not known to be the store's.
Result<std::optional<BatchHeader>> find_batch(Log& log, Place place, const std::string& id);

}  // namespace ratebook::log
