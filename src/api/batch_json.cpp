#include "api/batch_json.hpp"

#include <fmt/format.h>

#include "json/writer.hpp"

namespace ratebook::api {
namespace {

void append_time_or_null(json::Object& object, std::string_view name, WallTime time) {
  time == 0 ? object.null(name) : object.text(name, format_time(time));
}

}  // namespace

Batch as_shown(Batch batch, Version shown) {
  if (batch.retracted_version > shown) {
    batch.retracted_version = 0;
    batch.status = BatchStatus::committed;
  }
  if (batch.version > shown) {
    batch.version = 0;
    batch.committed_at = 0;
    batch.status = BatchStatus::accepted;
  }
  return batch;
}

Batch accepted_batch(const BatchHeader& header) {
  Batch batch;
  batch.header = header;
  return batch;
}

void append_batch(std::string& out, const Batch& batch) {
  const bool was_committed = batch.status == BatchStatus::committed || batch.status == BatchStatus::retracted;
  json::Object object{out};
  object.text("id", batch.header.id);
  object.text("source", batch.header.source);
  object.text("idempotency_key", batch.header.key);
  object.text("status", to_string(batch.status));
  object.number("price_count", batch.header.price_count);
  object.text("digest", hex(batch.header.digest));
  append_time_or_null(object, "accepted_at", batch.header.accepted_at);
  append_time_or_null(object, "committed_at", was_committed ? batch.committed_at : 0);
  object.number_or_null("version", batch.version);
  object.number_or_null("retracted_version", batch.retracted_version);
  if (batch.status == BatchStatus::rejected) append_problem(object.member("problem"), rejection_problem(batch));
}

Problem rejection_problem(const Batch& batch) {
  if (batch.rejection == Rejection::replaces_conflict) {
    return {problems::replaces_conflict,
            fmt::format("batch {} replaces {}, which is no committed batch of the source '{}'; send it without "
                        "'replaces', or name one that is",
                        batch.header.id, batch.header.replaces, batch.header.source),
            {},
            {}};
  }
  return {
      problems::key_conflict,
      fmt::format("batch {}: the source '{}' has used the Idempotency-Key '{}' for a batch with other content; send "
                  "it under a fresh key",
                  batch.header.id, batch.header.source, batch.header.key),
      {},
      {}};
}

}  // namespace ratebook::api
