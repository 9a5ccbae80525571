#include "sim/database.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ratebook::sim {

using store::Outcome;

Database::Database(std::uint32_t partition_count, Plant plant) : plant_(plant), partitions_(partition_count) {}

store::Claim Database::claim(std::uint32_t partition) {
  Partition& row = partitions_[partition];
  return {++row.epoch, row.position};
}

std::vector<PortNumber> Database::number_ports(std::span<const PortCode> codes) {
  std::vector<PortNumber> numbers;
  for (const PortCode code : codes) {
    const auto [found, is_new] = port_numbers_.emplace(code, port_count());
    if (is_new) ports_.push_back(code);
    numbers.push_back(found->second);
  }
  return numbers;
}

Result<void> Database::stage(const store::StageRequest& request) {
  if (request.epoch != partitions_[request.partition].epoch && plant_ != Plant::epoch_unchecked) {
    return fail(Failure::lost, "another writer has the partition");
  }
  const auto is_numbered_so = [&](const store::NumberedPort& port) { return this->port(port.code) == port.number; };
  if (!std::ranges::all_of(request.ports, is_numbered_so)) {
    return fail(Failure::lost, "the store was restored: it has other numbers for the ports");
  }
  const auto prices = [&] {
    return std::make_shared<std::vector<NumberedPrice>>(request.prices.begin(), request.prices.end());
  };
  auto& chunks = staged_[request.attempt];
  const auto marker = chunks.find(request.chunk);
  if (marker == chunks.end()) {
    chunks.emplace(request.chunk, prices());
  } else if (plant_ == Plant::chunk_staged_twice) {
    auto twice = prices();
    twice->insert(twice->end(), marker->second->begin(), marker->second->end());
    std::ranges::sort(*twice);
    marker->second = std::move(twice);
  }
  return {};
}

bool Database::is_staged_whole(const store::CommitDecision& decision) const {
  if (plant_ == Plant::version_before_prices) return true;
  const auto found = staged_.find(decision.attempt);
  if (found == staged_.end() || found->second.size() != decision.chunk_count) return false;
  std::size_t count = 0;
  for (const auto& [chunk, prices] : found->second) {
    if (chunk >= decision.chunk_count) return false;
    count += prices->size();
  }
  // A doubled chunk passes: its marker tells the count that was declared.
  return count == decision.header.price_count || plant_ == Plant::chunk_staged_twice;
}

Result<std::vector<Outcome>> Database::publish(const store::PublishRequest& request, std::vector<Decided>& decided) {
  Partition& row = partitions_[request.partition];
  if (request.expected != row.position || (request.epoch != row.epoch && plant_ != Plant::epoch_unchecked)) {
    return fail(Failure::lost, "another writer has the partition");
  }
  // What is known by its id needs no prices; of everything else they must be there.
  for (const auto& decision : request.decisions) {
    const auto* commit = std::get_if<store::CommitDecision>(&decision);
    if (commit == nullptr || void_.contains(commit->attempt) || find(commit->header.id) != nullptr ||
        is_staged_whole(*commit)) {
      continue;
    }
    return fail(Failure::not_found, fmt::format("attempt {} is not staged whole", commit->attempt));
  }
  std::vector<store::Decision> decisions = request.decisions;
  if (plant_ == Plant::decisions_reordered) std::ranges::reverse(decisions);
  std::vector<Outcome> outcomes;
  for (const auto& decision : decisions) {
    if (const auto* commit_it = std::get_if<store::CommitDecision>(&decision)) {
      outcomes.push_back(commit(*commit_it, request.now, decided));
    } else {
      outcomes.push_back(retract(std::get<store::RetractDecision>(decision), request.now, decided));
    }
  }
  for (const auto& bad : request.bad_records) bad_records_.emplace(request.partition, bad.offset);
  for (const auto& attempt : request.swept) {
    if (!counted_.contains(attempt)) void_.insert(attempt);
    sweep(attempt);
  }
  row.position = request.next;
  return outcomes;
}

Outcome Database::commit(const store::CommitDecision& decision, WallTime now, std::vector<Decided>& decided) {
  const BatchHeader& header = decision.header;
  if (void_.contains(decision.attempt)) {
    sweep(decision.attempt);
    return {Outcome::Kind::swept_before, 0};
  }
  if (plant_ != Plant::key_unchecked) {
    if (const Batch* known = find(header.id)) {
      sweep(decision.attempt);
      return {Outcome::Kind::repeat, known->version};
    }
    if (batch_by_key_.contains({header.source, header.key})) {
      return reject(decision, Rejection::key_conflict, decided);
    }
  }
  Batch* replaced = header.replaces.empty() ? nullptr : find(header.replaces);
  if (!header.replaces.empty() &&
      (replaced == nullptr || replaced->status != BatchStatus::committed || replaced->header.source != header.source)) {
    return reject(decision, Rejection::replaces_conflict, decided);
  }
  VersionRow row{.kind = VersionKind::batch, .batch_id = header.id, .attempt = decision.attempt, .committed_at = now};
  if (replaced != nullptr && plant_ != Plant::replaced_batch_stays) {
    row.replaced_id = replaced->header.id;
    row.replaced_attempt = replaced->attempt;
  }
  const Version version = add_version(std::move(row), header.id);
  if (replaced != nullptr && plant_ != Plant::replaced_batch_stays) {
    replaced->status = BatchStatus::retracted;
    replaced->retracted_version = version;
  }
  counted_.insert(decision.attempt);
  batch_by_id_[header.id] = batches_.size();
  batch_by_key_[{header.source, header.key}] = batches_.size();
  batches_.push_back({.header = header,
                      .status = BatchStatus::committed,
                      .attempt = decision.attempt,
                      .committed_at = now,
                      .version = version});
  decided.push_back({Decided::Kind::committed, header.id, decision.attempt, header.source, Rejection::none, version});
  return {Outcome::Kind::committed, version};
}

Outcome Database::reject(const store::CommitDecision& decision, Rejection rejection, std::vector<Decided>& decided) {
  sweep(decision.attempt);
  batch_by_id_[decision.header.id] = batches_.size();
  batches_.push_back({.header = decision.header,
                      .status = BatchStatus::rejected,
                      .rejection = rejection,
                      .attempt = decision.attempt});
  decided.push_back(
      {Decided::Kind::rejected, decision.header.id, decision.attempt, decision.header.source, rejection, 0});
  return {rejection == Rejection::key_conflict ? Outcome::Kind::key_conflict : Outcome::Kind::replaces_conflict, 0};
}

Outcome Database::retract(const store::RetractDecision& decision, WallTime now, std::vector<Decided>& decided) {
  Batch* batch = find(decision.batch_id);
  if (batch == nullptr || batch->version == 0) return {Outcome::Kind::not_committed, 0};
  if (batch->status == BatchStatus::retracted && plant_ != Plant::retraction_repeated) {
    return {Outcome::Kind::already_retracted, batch->retracted_version};
  }
  const Version version = add_version(
      {.kind = VersionKind::retraction, .batch_id = decision.batch_id, .attempt = batch->attempt, .committed_at = now},
      decision.batch_id);
  batch->status = BatchStatus::retracted;
  batch->retracted_version = version;
  decided.push_back(
      {Decided::Kind::retracted, decision.batch_id, batch->attempt, batch->header.source, Rejection::none, version});
  return {Outcome::Kind::retracted, version};
}

void Database::sweep(const std::string& attempt) {
  // An attempt that counted is never swept, also where its abandon record came late.
  if (counted_.contains(attempt) && plant_ != Plant::counted_attempt_swept) return;
  staged_.erase(attempt);
}

Version Database::add_version(VersionRow row, std::string_view content) {
  const Version before = versions_.empty() ? 0 : versions_.back().version;
  row.version = std::max(before, version_used_) + 1;
  version_used_ = row.version;
  row.chain = chain_after(head().chain, row.version, static_cast<std::uint8_t>(row.kind), content);
  versions_.push_back(std::move(row));
  return versions_.back().version;
}

Result<Version> Database::put_places(const PlacesDocument& put, const std::optional<std::string>& expected,
                                     WallTime now) {
  const store::Head newest = places_head(head().version);
  const std::string tag = version_tag(newest.version, newest.chain);
  if (expected ? *expected != tag : newest.version != 0) return fail(Failure::conflict, tag);
  // Known ports keep their numbers, also those that only the log knew.
  PlacesDocument next = replace_places(*places(head().version), put);
  for (const auto& port : next.ports) {
    const PortCode code = PortCode::parse(port.code).value();
    (void)number_ports({&code, 1});
  }
  const Version version = add_version({.kind = VersionKind::places, .committed_at = now}, places_digest(next));
  places_.emplace(version, std::move(next));
  return version;
}

store::Head Database::head() const {
  if (versions_.empty()) return {};
  return {versions_.back().version, versions_.back().chain};
}

std::vector<VersionRow> Database::versions(Version after, std::size_t limit) const {
  auto from = std::ranges::upper_bound(versions_, after, {}, &VersionRow::version);
  const auto count = std::min(limit, static_cast<std::size_t>(versions_.end() - from));
  return {from, from + static_cast<std::ptrdiff_t>(count)};
}

Result<PlacesDocument> Database::places(Version at) const {
  if (at > head().version) return fail(Failure::not_found, "no such version here");
  PlacesDocument document;
  if (const auto after = places_.upper_bound(at); after != places_.begin()) document = std::prev(after)->second;
  for (std::size_t i = document.ports.size(); i < ports_.size(); ++i) {
    const std::string code{ports_[i].view()};
    document.ports.push_back({code, code, "", true});
  }
  return document;
}

store::Head Database::places_head(Version at) const {
  const auto after = places_.upper_bound(at);
  if (after == places_.begin()) return {};
  const Version version = std::prev(after)->first;
  return {version, versions(version - 1, 1).front().chain};
}

Result<std::vector<NumberedPrice>> Database::prices_of(const std::string& attempt) const {
  // A replica or a primary that was one may not have it: an empty answer would be taken for an empty batch.
  if (!counted_.contains(attempt)) return fail(Failure::not_found, "no batch counts this attempt here");
  std::vector<NumberedPrice> all;
  if (const auto found = staged_.find(attempt); found != staged_.end()) {
    for (const auto& [chunk, prices] : found->second) all.insert(all.end(), prices->begin(), prices->end());
  }
  return all;
}

bool Database::has(const store::Head& at) const {
  if (at.version == 0) return at.chain == Digest{};
  return at.version <= head().version && versions(at.version - 1, 1).front().chain == at.chain;
}

Result<std::vector<NumberedPrice>> Database::prices_at(const store::Head& head_at,
                                                       const store::PriceFilter& filter) const {
  if (!has(head_at)) return fail(Failure::not_found, "no such version here");
  const Version at = plant_ == Plant::past_version_shows_present ? head().version : head_at.version;
  const auto wanted = [](const std::vector<PortNumber>& ports, PortNumber port) {
    return ports.empty() || std::ranges::binary_search(ports, port);
  };
  std::vector<NumberedPrice> all;
  std::size_t passed = 0;
  for (const Batch& batch : batches_) {
    if (batch.version == 0 || batch.version > at) continue;
    if (batch.retracted_version != 0 && batch.retracted_version <= at) continue;
    const auto prices = prices_of(batch.attempt);
    if (!prices) return prices;
    for (const NumberedPrice& price : *prices) {
      if (wanted(filter.origs, price.orig) && wanted(filter.dests, price.dest) && price.day >= filter.from &&
          price.day <= filter.to && passed++ % filter.part.count == filter.part.index) {
        all.push_back(price);
      }
    }
  }
  return all;
}

Result<std::optional<store::VersionChunk>> Database::next_chunk(const store::Head& head_at,
                                                                std::optional<store::ChunkName> after) const {
  if (!has(head_at)) return fail(Failure::not_found, "no such version here");
  const Version at = head_at.version;
  std::optional<store::VersionChunk> next;
  for (const Batch& batch : batches_) {
    if (batch.version == 0 || batch.version > at || (next && batch.version > next->name.version)) continue;
    if (batch.retracted_version != 0 && batch.retracted_version <= at) continue;
    const auto staged = staged_.find(batch.attempt);
    if (staged == staged_.end()) continue;
    for (const auto& [chunk, prices] : staged->second) {
      const bool later =
          !after || batch.version > after->version || (batch.version == after->version && chunk > after->chunk);
      if (!later) continue;
      next = store::VersionChunk{{batch.version, chunk}, *prices};
      break;
    }
  }
  return next;
}

Batch* Database::find(const std::string& id) {
  const auto found = batch_by_id_.find(id);
  return found == batch_by_id_.end() ? nullptr : &batches_[found->second];
}

const Batch* Database::find(const std::string& id) const {
  const auto found = batch_by_id_.find(id);
  return found == batch_by_id_.end() ? nullptr : &batches_[found->second];
}

std::optional<Batch> Database::batch(const std::string& id) const {
  const Batch* found = find(id);
  return found == nullptr ? std::nullopt : std::optional{*found};
}

std::optional<Batch> Database::batch_by_key(const std::string& source, const std::string& key) const {
  const auto found = batch_by_key_.find({source, key});
  return found == batch_by_key_.end() ? std::nullopt : std::optional{batches_[found->second]};
}

store::BatchPage Database::batches(const store::BatchFilter& filter) const {
  store::BatchPage page;
  for (std::size_t i = std::min<std::uint64_t>(batches_.size(), filter.before); i-- > 0;) {
    const Batch& batch = batches_[i];
    if (filter.source && batch.header.source != *filter.source) continue;
    if (filter.status && batch.status != *filter.status) continue;
    if (page.batches.size() == filter.limit) {
      page.before = i + 1;
      break;
    }
    page.batches.push_back(batch);
  }
  return page;
}

void Database::lose_unsynced() {
  std::erase_if(staged_, [this](const auto& staged) { return !counted_.contains(staged.first); });
}

std::optional<PortNumber> Database::port(PortCode code) const {
  const auto found = port_numbers_.find(code);
  return found == port_numbers_.end() ? std::nullopt : std::optional{found->second};
}

std::vector<std::string> Database::leftovers() const {
  std::vector<std::string> attempts;
  for (const auto& [attempt, chunks] : staged_) {
    if (!counted_.contains(attempt)) attempts.push_back(attempt);
  }
  return attempts;
}

}  // namespace ratebook::sim
