#include "sim/checks.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ratebook::sim {
namespace {

constexpr std::string_view all_or_nothing = "1 all or nothing";
constexpr std::string_view accepted_is_kept = "2 accepted is kept";
constexpr std::string_view exactly_once = "3 exactly once";
constexpr std::string_view order = "4 order";
constexpr std::string_view read_your_writes = "5 read your writes";
constexpr std::string_view reads_stand_alone = "6 reads stand alone";
constexpr std::string_view limits_everywhere = "7 limits everywhere";

/// By so many transactions at most something that waits is passed over: whoever has waited longest goes first.
constexpr std::uint32_t passed_over_max = 4;

std::vector<NumberedPrice> prices_of(const book::Book& book) {
  std::vector<NumberedPrice> prices;
  book.each([&](std::span<const NumberedPrice> some) { prices.insert(prices.end(), some.begin(), some.end()); });
  return prices;
}

bool equal(const VersionRow& left, const VersionRow& right) {
  return left.version == right.version && left.kind == right.kind && left.batch_id == right.batch_id &&
         left.attempt == right.attempt && left.replaced_id == right.replaced_id && left.chain == right.chain;
}

using CountsAndSums = std::map<Day, std::pair<std::uint64_t, std::uint64_t>>;

CountsAndSums expected_rates(const PlaceTree& tree, const book::RateQuery& query,
                             const std::vector<NumberedPrice>& content) {
  const std::set<PortNumber> origs(tree.ports(query.orig).begin(), tree.ports(query.orig).end());
  const std::set<PortNumber> dests(tree.ports(query.dest).begin(), tree.ports(query.dest).end());
  CountsAndSums expected;
  for (const NumberedPrice& price : content) {
    if (!origs.contains(price.orig) || !dests.contains(price.dest) || price.day < query.from || price.day > query.to) {
      continue;
    }
    auto& [count, sum] = expected[price.day];
    ++count;
    sum += price.amount.value;
  }
  return expected;
}

}  // namespace

Checks::Checks(Scheduler& scheduler, StoreServer& server) : scheduler_(scheduler), server_(server) {}

void Checks::violated(std::string_view promise, std::string what) {
  if (violation_.empty()) {
    violation_ = fmt::format("{}: {}", promise, what);
    scheduler_.note("checks", "violated", {}, violation_);
  }
  scheduler_.stop();
}

void Checks::appended(std::uint32_t partition, Offset offset, const std::string& bytes) {
  log_.take(partition, offset, bytes);
}

void Checks::appended_elsewhere(const std::string& bytes, bool could_know) {
  const auto record = log::decode(bytes);
  const auto* chunk = record ? std::get_if<log::ChunkRecord>(&*record) : nullptr;
  if (chunk != nullptr) elsewhere_[chunk->attempt] |= could_know;
}

void Checks::sent(const std::string& id, const Content& content) {
  Sending& sending = sendings_[content.source][id];
  if (sending.first_sent == 0) sending.first_sent = ++events_;
}

void Checks::accepted(const std::string& id, const std::string& attempt, const Content& content, bool found_other) {
  if (const auto other = elsewhere_.find(attempt); other != elsewhere_.end() && !log_.is_complete(attempt)) {
    if (found_other || other->second) {
      violated(accepted_is_kept, fmt::format("batch {} was accepted into another log, which its node could know", id));
    }
    return;  // before anybody could know: the operator has lost it
  }
  Sending& sending = sendings_[content.source][id];
  if (sending.accepted == 0) sending.accepted = ++events_;
  sending.vouched.push_back(content);
  if (!log_.is_complete(attempt)) {
    violated(accepted_is_kept, fmt::format("batch {} was accepted, but its attempt {} is not complete in the log, or "
                                           "stands behind the record that abandons it",
                                           id, attempt));
  } else if (log_.prices(attempt) != content.prices) {
    violated(all_or_nothing, fmt::format("the log has other prices than were sent for attempt {}", attempt));
  }
}

void Checks::restored(const std::vector<VersionRow>& former_rows) {
  restored_at_ = scheduler_.now();
  former_rows_ = former_rows;
  log_.restore();
  former_contents_ = contents_;
  const auto& rows = server_.primary->version_rows();
  contents_.resize(rows.size() + 1);
  committed_ids_.clear();
  committed_keys_.clear();
  for (const VersionRow& row : rows) {
    if (row.kind != VersionKind::batch) continue;
    const Batch batch = server_.primary->batch(row.batch_id).value();
    committed_ids_.insert(row.batch_id);
    committed_keys_.emplace(batch.header.source, batch.header.key);
  }
}

bool Checks::is_just_restored() const {
  return restored_at_ && scheduler_.now() < *restored_at_ + 10 * server_.settings.attempt_time_max;
}

void Checks::decided(std::uint32_t partition, const std::vector<Decided>& decided) {
  for (const Decided& each : decided) {
    if (partition_of(each.source, server_.primary->partition_count()) != partition) {
      violated(order, fmt::format("source {} was decided in partition {}", each.source, partition));
    }
    check_order(each);
    if (const auto problem = log_.decide(each); !problem.empty()) violated(order, problem);
  }
  if (const auto whom = log_.passed_over(partition, passed_over_max); !whom.empty()) {
    violated(limits_everywhere, fmt::format("later ones of other sources go before batch {} all the time", whom));
  }
  check_new_versions();
}

// What a source sends after a 2xx comes later: all that it had a 2xx for must stand in the store already.
void Checks::check_order(const Decided& decided) {
  if (decided.kind != Decided::Kind::committed) return;
  const auto& sendings = sendings_[decided.source];
  const auto mine = sendings.find(decided.id);
  if (mine == sendings.end()) {
    violated(all_or_nothing, fmt::format("batch {} was committed, but nobody sent it", decided.id));
    return;
  }
  for (const auto& [id, other] : sendings) {
    if (other.accepted == 0 || other.accepted >= mine->second.first_sent || server_.primary->batch(id)) continue;
    violated(order, fmt::format("batch {} was committed before {}, which was accepted before it was first sent",
                                decided.id, id));
  }
}

std::vector<NumberedPrice> Checks::numbered(const std::string& attempt) const {
  std::vector<NumberedPrice> prices;
  for (const Price& price : log_.prices(attempt)) {
    // A port without a number is a bug of the writer; no price in a book can be equal to this one.
    prices.push_back({server_.primary->port(price.orig).value_or(UINT32_MAX),
                      server_.primary->port(price.dest).value_or(UINT32_MAX), price.day, price.amount});
  }
  std::ranges::sort(prices);
  return prices;
}

std::optional<std::vector<NumberedPrice>> Checks::content_after(const VersionRow& row) {
  std::vector<NumberedPrice> content = contents_.back();
  if (row.kind == VersionKind::batch) {
    const auto added = numbered(row.attempt);
    const auto before = static_cast<std::ptrdiff_t>(content.size());
    content.insert(content.end(), added.begin(), added.end());
    std::ranges::inplace_merge(content, content.begin() + before);
  }
  const std::string& gone = row.kind == VersionKind::retraction ? row.attempt : row.replaced_attempt;
  if (row.kind == VersionKind::places || gone.empty()) return content;
  const auto removed = numbered(gone);
  if (!std::ranges::includes(content, removed)) return std::nullopt;
  std::vector<NumberedPrice> rest;
  std::ranges::set_difference(content, removed, std::back_inserter(rest));
  return rest;
}

void Checks::check_new_versions() {
  const auto& rows = server_.primary->version_rows();
  while (contents_.size() <= rows.size()) {
    const std::size_t at = contents_.size();
    const VersionRow& row = rows[at - 1];
    if (row.version != at) {
      violated(order, fmt::format("version {} follows version {}", row.version, at - 1));
      return;
    }
    if (row.kind == VersionKind::batch) {
      const Batch batch = server_.primary->batch(row.batch_id).value();
      if (!committed_ids_.insert(row.batch_id).second) {
        violated(exactly_once, fmt::format("batch {} was committed a second time as version {}", row.batch_id, at));
      }
      if (!committed_keys_.emplace(batch.header.source, batch.header.key).second) {
        violated(exactly_once, fmt::format("key {} of {} was committed a second time as version {}", batch.header.key,
                                           batch.header.source, at));
      }
      if (batch.header.replaces != row.replaced_id) {
        violated(exactly_once, fmt::format("version {} should have replaced {}", at, batch.header.replaces));
      }
    }
    auto content = content_after(row);
    if (!content) {
      violated(exactly_once, fmt::format("version {} takes out prices that are not in", at));
      return;
    }
    contents_.push_back(std::move(*content));
  }
}

void Checks::shown(const std::string& node, const follower::Step& step, Version before) {
  const book::Book& book = *step.book;
  const Version version = book.version();
  scheduler_.note(node, "shows", {version, book.price_count()});
  if (version < before && !(restored_at_ && step.rows.empty())) {
    violated(order, fmt::format("{} went from version {} back to {}", node, before, version));
  }
  const auto [true_rows, content] = truth(book);
  if (true_rows == nullptr) {
    violated(order,
             fmt::format("{} shows version {}, which the store does not have, or of another history", node, version));
    return;
  }
  const auto& rows = *true_rows;
  const std::vector<NumberedPrice> prices = prices_of(book);
  if (prices != *content) {
    violated(all_or_nothing, fmt::format("{} shows {} prices at version {}, which has {}, or others", node,
                                         book.price_count(), version, content->size()));
  }
  for (std::size_t i = 0; i < step.rows.size(); ++i) {
    if (step.rows[i].version != before + i + 1 || !equal(step.rows[i], rows[before + i])) {
      violated(order, fmt::format("{} tells another version {}", node, before + i + 1));
    }
  }
  if (!step.rows.empty() && step.rows.back().version != version) {
    violated(order, fmt::format("{} tells up to version {} and shows {}", node, step.rows.back().version, version));
  }
  const auto is_named = [&](const NumberedPrice& price) {
    return book.places() != nullptr && std::max(price.orig, price.dest) < book.places()->port_count();
  };
  if (!std::ranges::all_of(prices, is_named)) {
    violated(all_or_nothing,
             fmt::format("{} shows prices of a port that its places lack at version {}", node, version));
  }
  if (true_rows == &former_rows_) return;
  check_places(node, book);
  check_rates(node, book, *content);
}

Checks::Truth Checks::truth(const book::Book& book) const {
  const Version version = book.version();
  const auto has = [&](const std::vector<VersionRow>& rows) {
    return version <= rows.size() && book.chain() == (version == 0 ? Digest{} : rows[version - 1].chain);
  };
  const auto& rows = server_.primary->version_rows();
  if (has(rows)) return {&rows, &contents_[version]};
  if (is_just_restored() && has(former_rows_)) return {&former_rows_, &former_contents_[version]};
  return {};
}

void Checks::check_places(const std::string& node, const book::Book& book) {
  const auto places = server_.primary->places(book.version());
  if (!places || book.places() == nullptr) return;
  const PlacesDocument& document = book.places()->document();
  // Ports that came later without a version need not be there yet.
  const bool same = document.regions == places->regions && document.ports.size() <= places->ports.size() &&
                    std::ranges::equal(document.ports, std::span{places->ports}.first(document.ports.size()));
  if (!same)
    violated(all_or_nothing, fmt::format("{} shows other places than those of version {}", node, book.version()));
}

void Checks::check_rates(const std::string& node, const book::Book& book, const std::vector<NumberedPrice>& content) {
  const auto& tree = book.places();
  if (tree == nullptr || tree->port_count() == 0) return;
  Random& random = scheduler_.random();
  const auto place = [&]() -> PlaceNumber {
    const bool region = tree->region_count() > 0 && random.chance(0.5);
    return {region ? PlaceNumber::Kind::region : PlaceNumber::Kind::port,
            static_cast<std::uint32_t>(random.below(region ? tree->region_count() : tree->port_count()))};
  };
  const book::RateQuery query{.orig = place(), .dest = place(), .from = Day{5}, .to = Day{15}};
  const auto expected = expected_rates(*tree, query, content);
  CountsAndSums answered;
  for (const auto& rate : book.rates(query)) answered[rate.day] = {rate.count, rate.sum_cents};
  if (answered != expected) violated(all_or_nothing, fmt::format("{} answers wrong rates at {}", node, book.version()));
}

// Nobody is answered of what the node does not show.
void Checks::check_shown(const std::string& node, Version version, const Shown& shown) {
  if (version > shown.named) {
    violated(read_your_writes, fmt::format("{} says version {} and names {} as its own", node, version, shown.named));
  }
  // A book that was loaded anew since may be older.
  if (shown.named > shown.visible && !is_just_restored()) {
    violated(read_your_writes, fmt::format("{} names version {} and shows {}", node, shown.named, shown.visible));
  }
}

void Checks::accepted_before(const std::string& node, const std::string& id, const Content& content) {
  if (is_just_restored()) return;
  const auto batch = server_.primary->batch(id);
  if (!batch || batch->version == 0) {
    violated(accepted_is_kept, fmt::format("{} says {} is accepted: it names no place in the log, and the store has "
                                           "not committed it",
                                           node, id));
    return;
  }
  accepted(id, batch->attempt, content, false);
}

void Checks::answered(const std::string& node, const std::string& id, const Content& content, Version version,
                      const Shown& shown) {
  check_shown(node, version, shown);
  // A store that was restored since it was asked may have decided it anew.
  if (is_just_restored()) return;
  const auto batch = server_.primary->batch(id);
  if (!batch || batch->version != version) {
    violated(accepted_is_kept, fmt::format("{} says {} is version {}, which it is not", node, id, version));
  } else if (log_.prices(batch->attempt) != content.prices) {
    violated(exactly_once, fmt::format("{} says {} is in, but under its key stands other content", node, id));
  } else {
    accepted(id, batch->attempt, content, false);
  }
}

void Checks::created(const std::string& node, const std::string& id, const std::set<std::string>& own_attempts) {
  const auto batch = server_.primary->batch(id);
  if (!batch || is_just_restored() || own_attempts.contains(batch->attempt)) return;
  violated(exactly_once, fmt::format("{} says that it has created {}, which is another attempt's", node, id));
}

void Checks::retracted(const std::string& node, const std::string& id, Version version, const Shown& shown) {
  check_shown(node, version, shown);
  if (is_just_restored()) return;
  const auto batch = server_.primary->batch(id);
  if (!batch || batch->status != BatchStatus::retracted || batch->retracted_version != version) {
    violated(accepted_is_kept, fmt::format("{} says {} was retracted at {}, which it was not", node, id, version));
  }
}

void Checks::places_put(const std::string& node, Version version, const std::string& tag, const Shown& shown) {
  check_shown(node, version, shown);
  if (is_just_restored()) return;
  const store::Head head = server_.primary->places_head(version);
  if (head.version != version || tag != fmt::format("\"{}\"", version_tag(head.version, head.chain))) {
    violated(accepted_is_kept, fmt::format("{} says places are {}, which they are not", node, tag));
  }
}

void Checks::refused_by_replaces(const std::string& node, const std::string& id) {
  const auto batch = server_.primary->batch(id);
  if (is_just_restored() || (batch && batch->rejection == Rejection::replaces_conflict)) return;
  violated(accepted_is_kept, fmt::format("{} refuses {} for what it replaces, and the store does not", node, id));
}

void Checks::unknown(const std::string& node, const std::string& id, bool was_decided, bool stands_in_log) {
  if (is_just_restored() || (!was_decided && !stands_in_log)) return;
  violated(accepted_is_kept, fmt::format("{} does not know {}, which is in", node, id));
}

void Checks::refused_by_key(const std::string& id, const Content& content) {
  if (is_just_restored()) return;
  const auto holder = server_.primary->batch_by_key(content.source, content.key);
  if (!holder || holder->header.id == id) {
    violated(exactly_once, fmt::format("batch {} was refused for a key that no other batch holds", id));
  }
}

void Checks::read(const std::string& node, const RatesAsked& asked, const RatesTold& told) {
  check_shown(node, told.version, told.shown);
  if (told.shown.named < asked.least) {
    violated(read_your_writes,
             fmt::format("{} answered at version {} where {} was the least", node, told.shown.named, asked.least));
  }
  if (told.version != asked.version.value_or(told.shown.named)) {
    violated(read_your_writes, fmt::format("{} answered of version {}, and was asked for {}", node, told.version,
                                           asked.version.value_or(told.shown.named)));
  }
  if (!is_just_restored()) check_counts(node, asked, told);
}

void Checks::not_read(const std::string& node, const RatesAsked& asked, const RatesRefused& refused) {
  // Of another version than the one shown the store is asked, which may be away.
  if (asked.version) return;
  if (refused.had.shown() >= asked.least && refused.had.ready) {
    violated(reads_stand_alone,
             fmt::format("{} was ready with version {} and did not answer", node, refused.had.book->version()));
  }
  if (!refused.had.ready || !refused.has.ready || !refused.waits) return;
  if (refused.has.shown() >= asked.least) {
    violated(read_your_writes,
             fmt::format("{} shows version {}, and {} is refused", node, refused.has.book->version(), asked.least));
  }
  // Its clock may run a little fast.
  if (refused.waited < refused.wait * 9 / 10) {
    violated(read_your_writes, fmt::format("{} did not wait for version {}", node, asked.least));
  }
}

void Checks::check_counts(const std::string& node, const RatesAsked& asked, const RatesTold& told) {
  const auto places = server_.primary->places(told.version);
  if (!places || told.version >= contents_.size()) return;
  const PlaceTree tree{*places};
  const auto origin = tree.find(asked.origin);
  const auto destination = tree.find(asked.destination);
  if (!origin || !destination) return;
  const book::RateQuery query{.orig = *origin, .dest = *destination, .from = asked.from, .to = asked.to};
  std::map<Day, std::uint64_t> expected;
  for (const auto& [day, rate] : expected_rates(tree, query, contents_[told.version])) expected[day] = rate.first;
  if (told.counts != expected) {
    violated(all_or_nothing, fmt::format("{} tells wrong rates of version {}", node, told.version));
  }
}

std::string Checks::unsettled(const Broker& broker) const {
  if (const auto left = log_.undecided(); !left.empty()) return fmt::format("undecided: {}", fmt::join(left, ", "));
  if (const auto open = log_.open(); !open.empty()) return fmt::format("open attempts: {}", fmt::join(open, ", "));
  const Database& store = *server_.primary;
  for (std::uint32_t i = 0; i < store.partition_count(); ++i) {
    if (store.position(i).offset != broker.last(i)) {
      return fmt::format("partition {} stands at {}, the log at {}", i, store.position(i).offset, broker.last(i));
    }
  }
  if (const auto left = store.leftovers(); !left.empty()) {
    return fmt::format("staged for nothing: {}", fmt::join(left, ", "));
  }
  return {};
}

void Checks::finish() {
  for (const auto& [source, sendings] : sendings_) {
    for (const auto& [id, sending] : sendings) {
      for (const Content& content : sending.vouched) {
        const auto batch = server_.primary->batch(id);
        if (!batch) {
          violated(accepted_is_kept, fmt::format("batch {} was accepted and is gone", id));
        } else if (batch->version == 0) {
          if (batch->rejection == Rejection::key_conflict) refused_by_key(id, content);
        } else if (log_.prices(batch->attempt) != content.prices) {
          violated(exactly_once, fmt::format("batch {} was accepted with other prices than are in", id));
        }
      }
    }
  }
  for (const std::string& id : retractions_) {
    const auto batch = server_.primary->batch(id);
    if (batch && batch->status != BatchStatus::retracted) {
      violated(accepted_is_kept, fmt::format("the retraction of {} was accepted, and it is in", id));
    }
  }
  if (server_.primary->bad_records() != log_.bad_records()) {
    violated(all_or_nothing, fmt::format("{} bad records are kept; the log has {}",
                                         server_.primary->bad_records().size(), log_.bad_records().size()));
  }
}

}  // namespace ratebook::sim
