// Decisions become batches and versions: one call of publish() (schema.cpp).
#include <array>

#include "json/writer.hpp"
#include "postgres/store.hpp"

namespace ratebook::postgres {
namespace {

void write_decision(json::Object& object, const store::Decision& decision) {
  if (const auto* retract = std::get_if<store::RetractDecision>(&decision)) {
    return object.text("retracts", retract->batch_id);
  }
  const auto& commit = std::get<store::CommitDecision>(decision);
  object.text("attempt", commit.attempt);
  object.number("chunks", commit.chunk_count);
  object.text("id", commit.header.id);
  object.text("source", commit.header.source);
  object.text("key", commit.header.key);
  object.text("digest", hex(commit.header.digest));
  object.number("prices", commit.header.price_count);
  object.number("accepted_at", commit.header.accepted_at);
  object.text("replaces", commit.header.replaces);
}

void write_bad_record(json::Object& object, const store::BadRecord& bad) {
  object.number("offset", bad.offset);
  object.text("bytes", hex({reinterpret_cast<const std::uint8_t*>(bad.bytes.data()), bad.bytes.size()}));
  object.text("why", bad.why);
}

/// As PostgreSQL reads an array of words that need no quotes: attempts are hexadecimal.
std::string array_of(const std::vector<std::string>& words) {
  std::string text = "{";
  for (const auto& word : words) {
    if (text.size() > 1) text += ',';
    text += word;
  }
  return text + '}';
}

}  // namespace

Result<std::vector<store::Outcome>> PostgresStore::publish(const store::PublishRequest& request) {
  auto lease = publishing_.lease();
  if (!lease) return std::unexpected(lease.error());
  std::string decisions;
  json::append_objects(decisions, request.decisions, write_decision);
  std::string bad_records;
  json::append_objects(bad_records, request.bad_records, write_bad_record);
  const std::array statements{
      Statement{"SELECT outcome, outcome_version FROM publish($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                request.partition, request.epoch, request.expected.offset, request.expected.digest, request.next.offset,
                request.next.digest, request.now, decisions, array_of(request.swept), bad_records},
      // In the same transaction: what it made, or what it stood on.
      head_question()};
  const auto rows = (*lease)->run(statements, Effect::change);
  if (!rows) return std::unexpected(rows.error());
  const Rows& decided = rows->front();
  std::vector<store::Outcome> outcomes;
  for (int row = 0; row < decided.size(); ++row) {
    outcomes.push_back({decided.integer_as<store::Outcome::Kind>(row, 0), decided.integer_as<Version>(row, 1)});
  }
  // The commit is behind us, and no warning came with it.
  if (const auto newest = newest_in(rows->back())) note_proof(*newest);
  // Also where all were rejected: someone waits to hear that. NOTIFY says so to others, and to us a little later.
  if (!outcomes.empty()) changed_.notify();
  return outcomes;
}

}  // namespace ratebook::postgres
