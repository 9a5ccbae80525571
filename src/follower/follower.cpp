#include "follower/follower.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

namespace ratebook::follower {
namespace {

Result<void> read_prices(store::Reading& reading, const std::string& attempt, std::vector<NumberedPrice>& into) {
  return reading.prices_of(attempt, [&](std::span<const NumberedPrice> prices) {
    into.insert(into.end(), prices.begin(), prices.end());
    return true;
  });
}

}  // namespace

Follower::Follower(store::Store& store, const Runtime& runtime, Visible& visible, Hints& hints, FollowerOptions options)
    : store_(store),
      runtime_(runtime),
      visible_(visible),
      hints_(hints),
      options_(std::move(options)),
      budget_(options_.confirmations_at_once, options_.confirmation_interval) {}

Result<void> Follower::load(const std::stop_token& stop) {
  const WallTime began = runtime_.wall_time();
  hints_.clear();
  const auto head = confirmed_head();
  if (!head) return std::unexpected(head.error());
  book::Loader loader{options_.load_threads};
  if (auto read = read_all(*head, loader, stop); !read) return read;
  if (stop.stop_requested()) return fail(Failure::unavailable, "stopped while the book was loaded");
  auto places = confirmed_places(*head);
  if (!places) return std::unexpected(places.error());
  auto tree = std::make_shared<const PlaceTree>(*std::move(places));
  visible_.show({loader.finish(head->version, head->chain, std::move(tree)), {}}, began, true);
  load_owed_ = false;
  hints_.clear();  // what was numbered by the book before
  return {};
}

Result<store::Head> Follower::confirmed_head() {
  const auto reading = store_.reading();
  const auto head = reading->head();
  if (!head) return head;
  if (auto confirmed = confirm(*reading); !confirmed) return std::unexpected(confirmed.error());
  return head;
}

/// By a reading of its own: none lasts as long as a load may. What was loaded in between by the chain of `loaded`
/// counts if that still stands in the store; the chain says nothing of the ports' numbers.
Result<PlaceTree> Follower::confirmed_places(const store::Head& loaded) {
  const auto reading = store_.reading();
  bool is_here = loaded.version == 0;
  if (!is_here) {
    const auto row = reading->versions(loaded.version - 1, 1);
    if (!row) return std::unexpected(row.error());
    is_here = row->size() == 1 && store::Head{row->front().version, row->front().chain} == loaded;
  }
  auto places = reading->places(loaded.version);
  if (!places) return std::unexpected(places.error());
  if (auto confirmed = confirm(*reading); !confirmed) return std::unexpected(confirmed.error());
  if (is_here) return PlaceTree{*std::move(places)};
  return fail(Failure::conflict,
              fmt::format("the store's version {} became another while it was loaded", loaded.version));
}

bool Follower::may_confirm() const { return store_.confirms_freely() || budget_.has_one(runtime_.boot_time()); }

Result<void> Follower::confirm(store::Reading& reading) {
  budget_.spend(runtime_.boot_time());
  if (auto confirmed = reading.confirm(); !confirmed) return confirmed;
  session_ = reading.session();
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
  const BootTime now = runtime_.boot_time();
  look_again_ = now + options_.poll_interval;
  if (load_owed_) return load_anew(stop);
  if (!may_confirm() && !is_proven_beyond(visible_.view().book->version())) {
    look_again_ = now + budget_.until_next(now);
    return merge_some();
  }
  const auto came = read_on(*store_.reading());
  if (!came) return std::unexpected(came.error());
  if (*came == Came::other_history) return load_anew(stop);
  return merge_some() || *came == Came::more;
}

Result<Follower::Came> Follower::read_on(store::Reading& reading) {
  const WallTime began = runtime_.wall_time();
  const book::Snapshot book = visible_.view().book;
  // The row of the shown version is read again, too: it proves that the store is still on the same chain.
  const std::size_t own_row = book->version() > 0 ? 1 : 0;
  auto rows = reading.versions(book->version() - own_row, options_.rows_per_step + own_row);
  if (!rows) return std::unexpected(rows.error());
  const auto is_same = is_same_history(reading, *book, *rows);
  if (!is_same) return std::unexpected(is_same.error());
  if (!*is_same) return leave_history(reading, book->version());
  // Another connection is confirmed before a proof from elsewhere makes that needless for long.
  const bool is_due = store_.confirms_freely() || runtime_.boot_time() >= confirm_due_ || reading.session() != session_;
  if (rows->empty()) return confirm_newest(reading, began, is_due);
  return show_next(reading, book, *std::move(rows), began, is_due);
}

Result<bool> Follower::is_same_history(store::Reading& reading, const book::Book& book, std::vector<VersionRow>& rows) {
  if (book.version() > 0) {
    if (rows.empty() || rows.front().version != book.version() || rows.front().chain != book.chain()) return false;
    rows.erase(rows.begin());
  }
  if (reading.session() == session_) return true;
  // A restored store that took the same batches again has the same chain, and may have numbered new ports otherwise.
  const auto places = reading.places(book.version());
  if (!places) return std::unexpected(places.error());
  const auto& known = book.places()->document().ports;
  return std::ranges::equal(known, std::span{places->ports}.first(std::min(known.size(), places->ports.size())), {},
                            &PortDocument::code, &PortDocument::code);
}

/// Unready only once the store stands by it: what was read from a primary that was one proves nothing.
Result<Follower::Came> Follower::leave_history(store::Reading& reading, Version shown) {
  if (!may_confirm()) {
    look_again_ = runtime_.boot_time() + budget_.until_next(runtime_.boot_time());
    return Came::nothing;
  }
  if (auto confirmed = confirm(reading); !confirmed) return std::unexpected(confirmed.error());
  visible_.begin_history();
  options_.report({Failure::conflict, fmt::format("the store has another history than this node at version {}; "
                                                  "loading it anew",
                                                  shown)});
  return Came::other_history;
}

Result<Follower::Came> Follower::confirm_newest(store::Reading& reading, WallTime began, bool is_due) {
  const BootTime now = runtime_.boot_time();
  unproven_since_.reset();
  if (!is_due || !may_confirm()) {
    look_again_ = is_due ? now + budget_.until_next(now) : confirm_due_;
    return Came::nothing;
  }
  if (auto confirmed = confirm(reading); !confirmed) return std::unexpected(confirmed.error());
  confirm_due_ = now + options_.poll_interval;
  visible_.confirm(began);
  return Came::nothing;
}

Result<Follower::Came> Follower::show_next(store::Reading& reading, const book::Snapshot& book,
                                           std::vector<VersionRow> rows, WallTime began, bool is_due) {
  const BootTime now = runtime_.boot_time();
  const std::size_t hinted = is_due && store_.confirms_freely() ? 0 : count_hinted(rows);
  const std::size_t proven = reading.session() == session_ ? count_proven(*book, rows, hinted) : 0;
  if (!is_due && proven == rows.size()) return show(reading, book, std::move(rows), std::nullopt);
  const BootTime proof_waited = unproven_since_.value_or(now) + options_.proof_wait;
  if (may_confirm() && (is_due || hinted < rows.size() || now >= proof_waited)) {
    return show(reading, book, std::move(rows), began);
  }
  if (proven > 0) {
    rows.resize(proven);
    auto shown = show(reading, book, std::move(rows), std::nullopt);
    return shown ? Came::more : shown;
  }
  if (!unproven_since_) unproven_since_ = now;
  look_again_ = may_confirm() ? proof_waited : now + budget_.until_next(now);
  return Came::nothing;
}

/// `confirming`: when what `reading` confirms now was read; nullopt: the rows are proven.
Result<Follower::Came> Follower::show(store::Reading& reading, const book::Snapshot& book, std::vector<VersionRow> rows,
                                      std::optional<WallTime> confirming) {
  auto gathered = gather(reading, *book, rows);
  if (!gathered) return std::unexpected(gathered.error());
  // A proof covers no prices that were read here, since hints went meanwhile.
  if (confirming || gathered->from_store) {
    if (auto confirmed = confirm(reading); !confirmed) return std::unexpected(confirmed.error());
  }
  auto next = book::apply(book, std::move(gathered->change));
  if (!next) {
    options_.report(next.error());
    return Came::other_history;
  }
  const bool more = gathered->rows < rows.size() || rows.size() == options_.rows_per_step;
  rows.resize(gathered->rows);
  // Of the newest version there is no word yet where more are to come.
  const bool is_newest = confirming && !more;
  if (is_newest) confirm_due_ = runtime_.boot_time() + options_.poll_interval;
  unproven_since_.reset();
  visible_.show({std::move(*next), std::move(rows)}, is_newest ? *confirming : visible_.view().confirmed_at, true);
  return more ? Came::more : Came::nothing;
}

std::size_t Follower::count_hinted(const std::vector<VersionRow>& rows) {
  const auto lacking = std::ranges::find_if(rows, [this](const VersionRow& row) {
    return row.kind != VersionKind::batch || !row.replaced_attempt.empty() || !hints_.has_whole(row.attempt);
  });
  return static_cast<std::size_t>(lacking - rows.begin());
}

/// The chain is computed anew from the shown version's on: a row that it does not fit is another one than was proven.
std::size_t Follower::count_proven(const book::Book& book, const std::vector<VersionRow>& rows,
                                   std::size_t hinted) const {
  const auto proven = store_.proven();
  std::size_t count = 0;
  Digest chain = book.chain();
  for (std::size_t i = 0; i < hinted; ++i) {
    const VersionRow& row = rows[i];
    chain = chain_after(chain, book.version() + i + 1, static_cast<std::uint8_t>(row.kind), row.batch_id);
    if (row.version != book.version() + i + 1 || row.chain != chain) break;
    if (std::ranges::find(proven, store::Head{row.version, chain}) != proven.end()) count = i + 1;
  }
  return count;
}

bool Follower::is_proven_beyond(Version shown) const {
  return std::ranges::any_of(store_.proven(), [shown](const store::Head& head) { return head.version > shown; });
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

Result<Follower::Gathered> Follower::gather(store::Reading& reading, const book::Book& book,
                                            const std::vector<VersionRow>& rows) {
  Gathered gathered;
  book::Change& change = gathered.change;
  const auto remove = [&](const std::string& attempt) {
    gathered.from_store = true;
    return read_prices(reading, attempt, change.removed);
  };
  PortNumber port_max = 0;
  bool new_places = false;
  for (const VersionRow& row : rows) {
    if (row.version != book.version() + gathered.rows + 1) {
      return fail(Failure::damaged,
                  fmt::format("the store has no row for version {}", book.version() + gathered.rows + 1));
    }
    const std::size_t added = change.added.size();
    switch (row.kind) {
      case VersionKind::places:
        new_places = true;
        break;
      case VersionKind::retraction:
        if (auto read = remove(row.attempt); !read) return std::unexpected(read.error());
        break;
      case VersionKind::batch:
        if (auto read = add_prices(reading, row.attempt, gathered); !read) return std::unexpected(read.error());
        if (row.replaced_attempt.empty()) break;
        if (auto read = remove(row.replaced_attempt); !read) return std::unexpected(read.error());
        break;
    }
    for (std::size_t i = added; i < change.added.size(); ++i) {
      port_max = std::max({port_max, change.added[i].orig, change.added[i].dest});
    }
    ++gathered.rows;
    if (change.added.size() + change.removed.size() >= options_.prices_per_step_max) break;
  }
  change.version = rows[gathered.rows - 1].version;
  change.chain = rows[gathered.rows - 1].chain;
  // A port that only the log knew was added by the writer, without a change of places (rule 11).
  if (new_places || port_max >= book.places()->port_count()) {
    auto places = reading.places(change.version);
    if (!places) return std::unexpected(places.error());
    change.places = std::make_shared<const PlaceTree>(std::move(*places));
    gathered.from_store = true;
  }
  return gathered;
}

Result<void> Follower::add_prices(store::Reading& reading, const std::string& attempt, Gathered& gathered) {
  book::Change& change = gathered.change;
  auto hint = hints_.take(attempt);
  if (!hint) {
    gathered.from_store = true;
    return read_prices(reading, attempt, change.added);
  }
  if (hint->overlay) change.overlays.push_back(std::move(hint->overlay));
  if (change.added.empty()) {
    change.added = std::move(hint->prices);
  } else {
    change.added.insert(change.added.end(), hint->prices.begin(), hint->prices.end());
  }
  return {};
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
    // Where nothing came for lack of a confirmation or a proof, that is what comes next.
    if (loaded && more) wait = std::clamp(look_again_ - runtime_.boot_time(), Duration{0}, options_.poll_interval);
    store_.changed().wait_past(seen, wait);
    if (loaded) wait = options_.poll_interval;
  }
}

}  // namespace ratebook::follower
