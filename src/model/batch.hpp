// A batch, where it stands, and the version that it became.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/digest.hpp"

namespace ratebook {

/// Milliseconds since 1970-01-01T00:00:00Z, for people; never compared between machines.
using WallTime = std::int64_t;

/// `2026-11-23T08:44:53.120Z` (RFC 3339).
std::string format_time(WallTime time);

using Version = std::uint64_t;  ///< 0: nothing yet

using Offset = std::int64_t;  ///< of a record in a partition of the log; -1: before the first

/// Names the last record before the first that is still needed (rule 8): all up to it is decided and in the store.
struct Position {
  Offset offset = -1;
  Digest digest{};  ///< SHA-256 of that record's bytes; zeros at -1

  bool operator==(const Position&) const = default;
};

inline constexpr std::size_t source_length_max = 64;
inline constexpr std::size_t key_length_max = 200;

/// 1..64 of a-z, 0-9, '-', '_', '.', the first a letter or digit.
bool is_source(std::string_view text);
/// 1..200 printable ASCII characters.
bool is_idempotency_key(std::string_view text);
/// 32 lower-case hexadecimal characters.
bool is_batch_id(std::string_view text);

/// What is known of a batch before anything is decided: it travels through the log.
struct BatchHeader {
  std::string id;
  std::string source;
  std::string key;  ///< Idempotency-Key
  Digest digest{};  ///< of the content, rule 4
  std::uint64_t price_count = 0;
  WallTime accepted_at = 0;
  std::string replaces;  ///< id of a batch of the same source, or empty

  bool operator==(const BatchHeader&) const = default;
};

enum class BatchStatus : std::uint8_t { accepted = 0, committed = 1, rejected = 2, retracted = 3 };
std::string_view to_string(BatchStatus status);
std::optional<BatchStatus> parse_batch_status(std::string_view text);

/// Why a batch that was accepted was rejected all the same (promise 2 names the only two reasons).
enum class Rejection : std::uint8_t { none = 0, key_conflict = 1, replaces_conflict = 2 };
/// `key-conflict`, `replaces-conflict`, or empty.
std::string_view to_string(Rejection rejection);

struct Batch {
  BatchHeader header;
  BatchStatus status = BatchStatus::accepted;
  Rejection rejection = Rejection::none;
  std::string attempt;  ///< the attempt that counted, 32 hex characters
  WallTime committed_at = 0;
  Version version = 0;            ///< that it became; 0: none
  Version retracted_version = 0;  ///< that took it out again; 0: none
};

enum class VersionKind : std::uint8_t { batch = 1, retraction = 2, places = 3 };
std::string_view to_string(VersionKind kind);

struct VersionRow {
  Version version = 0;
  VersionKind kind = VersionKind::batch;
  std::string batch_id;     ///< empty for places
  std::string attempt;      ///< of the batch: where its prices stand in the store
  std::string replaced_id;  ///< of the batch that this one replaced, or empty
  std::string replaced_attempt;
  WallTime committed_at = 0;
  Digest chain{};
};

/// `44-9f3a01c2`: version and the first 8 hex digits of its chain. ETags and event ids.
std::string version_tag(Version version, const Digest& chain);

}  // namespace ratebook
