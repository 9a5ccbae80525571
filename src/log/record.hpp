// What a record of the log says, and its bytes (record.proto).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "model/batch.hpp"
#include "model/error.hpp"

namespace ratebook::log {

inline constexpr std::uint32_t record_format = 1;

struct ChunkRecord {
  BatchHeader batch;
  std::string attempt;  ///< random_id of the try
  std::uint32_t number = 0;
  bool last = false;
  std::string prices;  ///< packed chunk
};

struct AbandonRecord {
  std::string attempt;
};

struct RetractionRecord {
  std::string batch_id;
  std::string source;
  WallTime requested_at = 0;
};

using Record = std::variant<ChunkRecord, AbandonRecord, RetractionRecord>;

std::string encode(const Record& record);

/// Any bytes. Failure::damaged: no valid record (it belongs into the table of bad records). Failure::unavailable: a
/// format newer than record_format (the node must leave it to others).
Result<Record> decode(std::string_view bytes);

}  // namespace ratebook::log
