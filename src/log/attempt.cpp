#include "log/attempt.hpp"

#include <fmt/format.h>

#include <charconv>

#include "log/standing.hpp"

namespace ratebook::log {
namespace {

RecordSource single(std::string bytes) {
  return [bytes = std::move(bytes), given = false]() mutable -> Result<std::optional<std::string>> {
    if (given) return std::nullopt;
    given = true;
    return std::move(bytes);
  };
}

/// A node that has just started knows within milliseconds.
constexpr Duration first_look_time_max = std::chrono::seconds{2};

/// Why nothing may be vouched for in the partition now (rule 23).
std::optional<std::string> doubt_of(Log& log, std::uint32_t partition) {
  const Standing* standing = log.standing();
  return standing == nullptr ? std::nullopt : standing->doubt(partition);
}

/// Into a log that is the store's from before the first record to behind the last. Found meanwhile to be another one:
/// in which of the two the records stand, nobody knows.
Result<Offset> append(Log& log, std::uint32_t partition, const RecordSource& records, Duration wait = Duration{0}) {
  const Standing* standing = log.standing();
  if (standing == nullptr) return log.append(partition, records);
  static_cast<void>(standing->doubt(partition, wait));
  const auto start = standing->begin_look(partition);
  if (auto why = standing->doubt(partition)) return fail(Failure::refused, *std::move(why));
  auto last = log.append(partition, records);
  if (!last) return last;
  if (auto why = standing->doubt_since(partition, start)) return fail(Failure::unknown, *std::move(why));
  return last;
}

}  // namespace

std::string format_place(Place place) { return fmt::format("{}-{}", place.partition, place.offset); }

std::optional<Place> parse_place(std::string_view text) {
  Place place;
  const char* end = text.data() + text.size();
  const auto [dash, error] = std::from_chars(text.data(), end, place.partition);
  if (error != std::errc{} || dash == end || *dash != '-') return std::nullopt;
  const auto [rest, offset_error] = std::from_chars(dash + 1, end, place.offset);
  if (offset_error != std::errc{} || rest != end || place.offset < 0) return std::nullopt;
  return place;
}

Result<void> abandon(Log& log, std::uint32_t partition, const std::string& attempt) {
  const auto offset = append(log, partition, single(encode(AbandonRecord{attempt})));
  if (!offset) return std::unexpected(offset.error());
  return {};
}

Result<Submitted> put_batch(Log& log, const Runtime& runtime, const BatchHeader& header, std::size_t chunk_count,
                            const ChunkReader& chunk, int tries, Duration time_max, const GiveUp& give_up) {
  const std::uint32_t partition = partition_of(header.source, log.partition_count());
  Fault doubt{Failure::unknown, "the log did not say whether the batch is in; repeat it with the same Idempotency-Key"};
  bool maybe_in = false;
  const BootTime begun = runtime.boot_time();
  for (int i = 0; i < tries; ++i) {
    const std::string attempt = random_id(runtime);
    std::size_t next = 0;
    bool unreadable = false;
    const RecordSource records = [&]() -> Result<std::optional<std::string>> {
      if (next == chunk_count) return std::nullopt;
      auto prices = chunk(next);
      if (!prices) {
        unreadable = true;
        return std::unexpected(prices.error());
      }
      const auto number = static_cast<std::uint32_t>(next++);
      return encode(ChunkRecord{header, attempt, number, next == chunk_count, std::move(*prices)});
    };
    const BootTime started = runtime.boot_time();
    const auto last = append(log, partition, records, first_look_time_max);
    if (last) {
      // Acknowledged too late, the attempt may stand behind a writer's abandon record: only a new one can be vouched
      // for.
      if (runtime.boot_time() - started <= time_max) return Submitted{attempt, {partition, *last}};
      maybe_in = true;
      continue;
    }
    const Failure failure = last.error().failure;
    if (!unreadable && (failure == Failure::refused || failure == Failure::full)) {
      return std::unexpected(maybe_in ? doubt : last.error());
    }
    // In doubt nothing is added to the attempt. Whichever stands first, its abandon record or its last chunk, decides;
    // where that record never comes, the writer gives up the attempt in time.
    if (give_up) {
      give_up(partition, attempt);
    } else {
      static_cast<void>(abandon(log, partition, attempt));
    }
    // Without its last chunk, which was never produced, the attempt is void whatever comes.
    if (unreadable) return std::unexpected(maybe_in ? doubt : last.error());
    maybe_in = true;
    if (doubt_of(log, partition)) return fail(Failure::unknown, last.error().message);
    if (runtime.boot_time() - begun > retry_time_max) break;
  }
  return std::unexpected(doubt);
}

Result<Place> put_retraction(Log& log, const RetractionRecord& retraction) {
  const std::uint32_t partition = partition_of(retraction.source, log.partition_count());
  const auto offset = append(log, partition, single(encode(retraction)), first_look_time_max);
  if (!offset) return std::unexpected(offset.error());
  return Place{partition, *offset};
}

Result<std::optional<BatchHeader>> find_batch(Log& log, Place place, const std::string& id) {
  if (place.partition >= log.partition_count()) return std::nullopt;
  // Another log's silence says nothing of the batch.
  if (auto why = doubt_of(log, place.partition)) return fail(Failure::unavailable, *std::move(why));
  const auto records = log.read(place.partition, place.offset, 1, Duration{0});
  if (!records) {
    if (records.error().failure == Failure::damaged) return std::nullopt;  // trimmed: the store knows the batch
    return std::unexpected(records.error());
  }
  if (records->empty() || records->front().offset != place.offset) return std::nullopt;
  const auto record = decode(records->front().bytes);
  if (!record) return std::nullopt;
  const auto* chunk = std::get_if<ChunkRecord>(&*record);
  if (chunk == nullptr || chunk->batch.id != id) return std::nullopt;
  return chunk->batch;
}

}  // namespace ratebook::log
