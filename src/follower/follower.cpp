#include "follower/follower.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

namespace ratebook::follower {

Follower::Follower(store::Store& store, const Runtime& runtime, Visible& visible, Hints& hints, FollowerOptions options)
    : store_(store), runtime_(runtime), visible_(visible), hints_(hints), options_(std::move(options)) {}

Result<void> Follower::load(const std::stop_token& stop) {
  const WallTime began = runtime_.wall_time();
  hints_.clear();
  const auto head = store_.head();
  if (!head) return std::unexpected(head.error());
  auto places = store_.places(head->version);
  if (!places) return std::unexpected(places.error());
  book::Loader loader{options_.load_threads};
  if (auto read = read_all(*head, loader, stop); !read) return read;
  if (stop.stop_requested()) return fail(Failure::unavailable, "stopped while the book was loaded");
  if (auto confirmed = store_.confirm(); !confirmed) return confirmed;
  auto tree = std::make_shared<const PlaceTree>(std::move(*places));
  visible_.show({loader.finish(head->version, head->chain, std::move(tree)), {}}, began, true);
  load_owed_ = false;
  hints_.clear();  // what was numbered by the book before
  return {};
}

Result<void> Follower::read_all(const store::Head& head, book::Loader& loader, const std::stop_token& stop) {
  std::vector<Result<void>> outcomes(options_.load_threads);
  std::atomic<bool> failed{false};
  const auto read_part = [&](std::size_t part) {
    const store::PriceFilter filter{.part = {part, outcomes.size()}};
    outcomes[part] = store_.prices_at(head, filter, [&](std::span<const NumberedPrice> prices) {
      loader.add(prices, part);
      return !failed && !stop.stop_requested();
    });
    if (!outcomes[part]) failed = true;
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t part = 1; part < outcomes.size(); ++part) threads.emplace_back(read_part, part);
    read_part(0);
  }
  for (auto& outcome : outcomes) {
    if (!outcome) return std::move(outcome);
  }
  return {};
}

Result<bool> Follower::load_anew(const std::stop_token& stop) {
  visible_.set_ready(false);
  load_owed_ = true;
  if (auto loaded = load(stop); !loaded) return std::unexpected(loaded.error());
  return true;
}

Result<bool> Follower::step(const std::stop_token& stop) {
  if (load_owed_) return load_anew(stop);
  const WallTime began = runtime_.wall_time();
  const book::Snapshot book = visible_.view().book;
  // The row of the shown version is read again, too: it proves that the store is still on the same chain.
  const Version shown = book->version();
  const std::size_t own_row = shown > 0 ? 1 : 0;
  auto rows = store_.versions(shown - own_row, options_.rows_per_step + own_row);
  if (!rows) return std::unexpected(rows.error());
  if (own_row == 1 && (rows->empty() || rows->front().version != shown || rows->front().chain != book->chain())) {
    // Unready only once the store stands by it: what was read from a primary that was one proves nothing.
    if (auto confirmed = store_.confirm(); !confirmed) return std::unexpected(confirmed.error());
    visible_.begin_history();
    options_.report({Failure::conflict, fmt::format("the store has another history than this node at version {}; "
                                                    "loading it anew",
                                                    shown)});
    return load_anew(stop);
  }
  rows->erase(rows->begin(), rows->begin() + static_cast<std::ptrdiff_t>(own_row));
  if (rows->empty()) {
    if (auto confirmed = store_.confirm(); !confirmed) return std::unexpected(confirmed.error());
    visible_.confirm(began);
    return merge_some();
  }
  std::size_t taken = 0;
  auto change = gather(*book, *rows, taken);
  if (!change) return std::unexpected(change.error());
  if (auto confirmed = store_.confirm(); !confirmed) return std::unexpected(confirmed.error());
  auto next = book::apply(book, std::move(*change));
  if (!next) {
    options_.report(next.error());
    return load_anew(stop);
  }
  const bool more = taken < rows->size() || rows->size() == options_.rows_per_step;
  rows->resize(taken);
  // Of the newest version there is no word yet where more are to come.
  visible_.show({std::move(*next), std::move(*rows)}, more ? visible_.view().confirmed_at : began, true);
  return merge_some() || more;
}

/// True: there is more to merge.
bool Follower::merge_some() {
  book::Snapshot book = visible_.view().book;
  if (!book->is_to_merge()) return false;
  book = book::merge(book, options_.prices_per_merge);
  const bool more = book->is_to_merge();
  visible_.replace(std::move(book));
  return more;
}

Result<book::Change> Follower::gather(const book::Book& book, const std::vector<VersionRow>& rows, std::size_t& taken) {
  book::Change change;
  PortNumber port_max = 0;
  bool new_places = false;
  for (const VersionRow& row : rows) {
    if (row.version != book.version() + taken + 1) {
      return fail(Failure::damaged, fmt::format("the store has no row for version {}", book.version() + taken + 1));
    }
    const std::size_t added = change.added.size();
    switch (row.kind) {
      case VersionKind::places:
        new_places = true;
        break;
      case VersionKind::retraction:
        if (auto read = read_prices(row.attempt, change.removed); !read) return std::unexpected(read.error());
        break;
      case VersionKind::batch:
        if (auto read = add_prices(row.attempt, change); !read) return std::unexpected(read.error());
        if (row.replaced_attempt.empty()) break;
        if (auto read = read_prices(row.replaced_attempt, change.removed); !read) return std::unexpected(read.error());
        break;
    }
    for (std::size_t i = added; i < change.added.size(); ++i) {
      port_max = std::max({port_max, change.added[i].orig, change.added[i].dest});
    }
    ++taken;
    if (change.added.size() + change.removed.size() >= options_.prices_per_step_max) break;
  }
  change.version = rows[taken - 1].version;
  change.chain = rows[taken - 1].chain;
  // A port that only the log knew was added by the writer, without a change of places (rule 11).
  if (new_places || port_max >= book.places()->port_count()) {
    auto places = store_.places(change.version);
    if (!places) return std::unexpected(places.error());
    change.places = std::make_shared<const PlaceTree>(std::move(*places));
  }
  return change;
}

Result<void> Follower::add_prices(const std::string& attempt, book::Change& change) {
  auto hint = hints_.take(attempt);
  if (!hint) return read_prices(attempt, change.added);
  if (hint->overlay) change.overlays.push_back(std::move(hint->overlay));
  if (change.added.empty()) {
    change.added = std::move(hint->prices);
  } else {
    change.added.insert(change.added.end(), hint->prices.begin(), hint->prices.end());
  }
  return {};
}

Result<void> Follower::read_prices(const std::string& attempt, std::vector<NumberedPrice>& into) {
  return store_.prices_of(attempt, [&](std::span<const NumberedPrice> prices) {
    into.insert(into.end(), prices.begin(), prices.end());
    return true;
  });
}

void Follower::run(const std::stop_token& stop) {
  bool loaded = false;
  Duration wait = options_.poll_interval;
  while (!stop.stop_requested()) {
    const std::uint64_t seen = store_.changed().count();
    Result<bool> more = false;
    if (loaded) {
      more = step(stop);
    } else if (const auto done = load(stop); done) {
      loaded = true;
      more = true;
      wait = options_.poll_interval;
    } else if (stop.stop_requested()) {
      return;
    } else {
      more = std::unexpected(done.error());
      // Where the file is damaged, reading it through again and again mends nothing.
      wait = std::min(2 * wait, options_.load_wait_max);
    }
    if (more && *more) continue;
    if (!more) options_.report(more.error());
    store_.changed().wait_past(seen, wait);
  }
}

}  // namespace ratebook::follower
