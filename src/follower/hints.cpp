#include "follower/hints.hpp"

#include <utility>

namespace ratebook::follower {
namespace {

/// nullopt: the tree lacks a port.
std::optional<std::vector<NumberedPrice>> number(const PlaceTree& tree, const Chunk& chunk) {
  std::vector<PortNumber> number_of;
  number_of.reserve(chunk.ports.size());
  for (const PortCode code : chunk.ports) {
    const auto port = tree.find_port(code);
    if (!port) return std::nullopt;
    number_of.push_back(*port);
  }
  std::vector<NumberedPrice> prices;
  prices.reserve(chunk.items.size());
  for (const auto& item : chunk.items) {
    prices.push_back({number_of[item.orig], number_of[item.dest], item.day, item.amount});
  }
  return prices;
}

}  // namespace

// From the newest on: what is asked for was most often offered just now.
Hints::Entries::iterator Hints::find(const std::string& attempt) {
  for (auto entry = entries_.end(); entry != entries_.begin();) {
    if ((*--entry)->attempt == attempt) return entry;
  }
  return entries_.end();
}

std::shared_ptr<Hints::Entry> Hints::entry_for(const std::string& attempt, std::uint64_t price_count,
                                               std::uint64_t history) {
  std::vector<std::shared_ptr<Entry>> gone;  // freed after the lock
  const std::lock_guard lock{mutex_};
  if (history != history_ || price_count > options_.prices_max) return nullptr;
  if (const auto entry = find(attempt); entry != entries_.end()) return *entry;
  const auto entry = entries_.emplace_back(std::make_shared<Entry>());
  entry->attempt = attempt;
  entry->price_count = price_count;
  prices_ += price_count;
  while (prices_ > options_.prices_max || entries_.size() > attempts_max) {
    prices_ -= entries_.front()->price_count;
    gone.push_back(std::move(entries_.front()));
    entries_.pop_front();
  }
  return entry;
}

void Hints::offer(const std::string& attempt, std::uint32_t number, std::uint64_t price_count, const Chunk& chunk) {
  std::uint64_t history = 0;
  {
    const std::lock_guard lock{mutex_};
    history = history_;
  }
  // Looked at after the history: what was numbered by a book before is not kept.
  const auto book = visible_.view().book;
  auto prices = follower::number(*book->places(), chunk);
  const auto entry = prices ? entry_for(attempt, price_count, history) : nullptr;
  if (!entry) return;

  const std::lock_guard lock{entry->mutex};
  if (entry->chunks.contains(number)) {
    entry->chunks.clear();
    entry->prices = 0;
    entry->builder.reset();
    entry->overlay.reset();
  }
  entry->prices += prices->size();
  auto& slot = entry->chunks[number];
  if (price_count < options_.overlay_prices_min) {
    slot = std::move(*prices);
    return;
  }
  if (!entry->builder) entry->builder = std::make_unique<book::OverlayBuilder>(*book);
  entry->builder->add(*prices);
  if (entry->prices == price_count) entry->overlay = std::exchange(entry->builder, nullptr)->finish();
}

bool Hints::has_whole(const std::string& attempt) {
  std::shared_ptr<Entry> entry;
  {
    const std::lock_guard lock{mutex_};
    const auto at = find(attempt);
    if (at == entries_.end()) return false;
    entry = *at;
  }
  const std::lock_guard lock{entry->mutex};
  return entry->prices == entry->price_count;
}

std::optional<Hints::Taken> Hints::take(const std::string& attempt) {
  std::shared_ptr<Entry> entry;
  {
    const std::lock_guard lock{mutex_};
    const auto at = find(attempt);
    if (at == entries_.end()) return std::nullopt;
    entry = std::move(*at);
    entries_.erase(at);
    prices_ -= entry->price_count;
  }
  const std::lock_guard lock{entry->mutex};
  if (entry->prices != entry->price_count) return std::nullopt;
  Taken taken{{}, std::move(entry->overlay)};
  if (taken.overlay) return taken;
  for (auto& [chunk, part] : entry->chunks) {
    if (taken.prices.empty()) {
      taken.prices = std::move(part);
    } else {
      taken.prices.insert(taken.prices.end(), part.begin(), part.end());
    }
  }
  return taken;
}

void Hints::clear() {
  Entries gone;  // freed after the lock
  const std::lock_guard lock{mutex_};
  ++history_;
  std::swap(entries_, gone);
  prices_ = 0;
}

}  // namespace ratebook::follower
