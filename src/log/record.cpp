#include "log/record.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "record.pb.h"

namespace ratebook::log {
namespace {

void write_header(const BatchHeader& header, wire::BatchHeader& out) {
  out.set_id(header.id);
  out.set_source(header.source);
  out.set_key(header.key);
  out.set_digest(header.digest.data(), header.digest.size());
  out.set_price_count(header.price_count);
  out.set_accepted_at(header.accepted_at);
  out.set_replaces(header.replaces);
}

std::unexpected<Fault> bad(std::string_view what) {
  return fail(Failure::damaged, fmt::format("not a record of the log: {}", what));
}

Result<BatchHeader> read_header(const wire::BatchHeader& in) {
  BatchHeader header{.id = in.id(),
                     .source = in.source(),
                     .key = in.key(),
                     .price_count = in.price_count(),
                     .accepted_at = in.accepted_at(),
                     .replaces = in.replaces()};
  if (!is_source(header.source)) return bad("batch.source");
  if (!is_idempotency_key(header.key)) return bad("batch.key");
  if (in.digest().size() != header.digest.size()) return bad("batch.digest");
  std::ranges::copy(in.digest(), header.digest.begin());
  if (header.id != batch_id(header.source, header.key, header.digest))
    return bad("batch.id is not that of its content");
  if (header.price_count == 0) return bad("batch.price_count");
  if (!header.replaces.empty() && !is_batch_id(header.replaces)) return bad("batch.replaces");
  return header;
}

}  // namespace

std::string encode(const Record& record) {
  wire::Record out;
  out.set_format(record_format);
  if (const auto* chunk = std::get_if<ChunkRecord>(&record)) {
    auto& to = *out.mutable_chunk();
    write_header(chunk->batch, *to.mutable_batch());
    to.set_attempt(chunk->attempt);
    to.set_number(chunk->number);
    to.set_last(chunk->last);
    to.set_prices(chunk->prices);
  } else if (const auto* abandon = std::get_if<AbandonRecord>(&record)) {
    out.mutable_abandon()->set_attempt(abandon->attempt);
  } else {
    const auto& retraction = std::get<RetractionRecord>(record);
    auto& to = *out.mutable_retraction();
    to.set_batch_id(retraction.batch_id);
    to.set_source(retraction.source);
    to.set_requested_at(retraction.requested_at);
  }
  return out.SerializeAsString();
}

Result<Record> decode(std::string_view bytes) {
  wire::Record in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return bad("no Protobuf");
  if (in.format() > record_format) {
    return fail(Failure::unavailable, fmt::format("the log holds a record of format {}; this program knows 1..{}",
                                                  in.format(), record_format));
  }
  if (in.format() == 0) return bad("format");
  switch (in.kind_case()) {
    case wire::Record::kChunk: {
      auto header = read_header(in.chunk().batch());
      if (!header) return std::unexpected(header.error());
      if (!is_batch_id(in.chunk().attempt())) return bad("chunk.attempt");
      return ChunkRecord{std::move(*header), in.chunk().attempt(), in.chunk().number(), in.chunk().last(),
                         std::move(*in.mutable_chunk()->mutable_prices())};
    }
    case wire::Record::kAbandon:
      if (!is_batch_id(in.abandon().attempt())) return bad("abandon.attempt");
      return AbandonRecord{in.abandon().attempt()};
    case wire::Record::kRetraction:
      if (!is_batch_id(in.retraction().batch_id())) return bad("retraction.batch_id");
      if (!is_source(in.retraction().source())) return bad("retraction.source");
      return RetractionRecord{in.retraction().batch_id(), in.retraction().source(), in.retraction().requested_at()};
    case wire::Record::KIND_NOT_SET:
      break;
  }
  return bad("of no known kind");
}

}  // namespace ratebook::log
