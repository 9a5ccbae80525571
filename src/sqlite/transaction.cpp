#include "sqlite/transaction.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sqlite/checkpoint.hpp"

namespace ratebook::sqlite {

void WriteSide::Group::note_writer(BootTime now, bool reads) {
  const std::lock_guard lock{mutex};
  seen = seen || reads;
  writer_at = now;
}

bool WriteSide::Group::has_ended() {
  const std::lock_guard lock{mutex};
  return ended;
}

void WriteSide::Group::move_to(std::shared_ptr<Group> other) {
  {
    const std::lock_guard lock{mutex};
    moved_to = std::move(other);
  }
  changed.notify_all();
}

std::shared_ptr<WriteSide::Group> WriteSide::Group::moved() {
  const std::lock_guard lock{mutex};
  return moved_to;
}

BootTime WriteSide::Group::due_at(const TransactionOptions& options) const {
  const BootTime quiet_end = seen ? writer_at + options.writer_quiet_max : opened_at + options.quiet_max;
  return std::min(quiet_end, opened_at + options.age_max);
}

void WriteSide::Group::wait(const Runtime& runtime, const TransactionOptions& options) {
  std::unique_lock lock{mutex};
  while (!ended && !moved_to) {
    const BootTime now = runtime.boot_time();
    const BootTime due = due_at(options);
    if (now >= due) return;
    changed.wait_for(lock, due - now);
  }
}

void WriteSide::end(Result<void> outcome) {
  {
    const std::lock_guard lock{group_->mutex};
    group_->ended = true;
    group_->outcome = std::move(outcome);
  }
  group_->changed.notify_all();
  group_.reset();
}

void WriteSide::roll_back(const Fault& why) {
  // SQLite itself has rolled back after some failures (a full disk among them), not after others.
  if (db_->in_transaction()) db_->run("ROLLBACK");
  db_->take_fault();
  ++meters_.rollbacks;
  void_claims();
  end(std::unexpected(why));
}

void WriteSide::void_claims() {
  if (group_->writer_at != BootTime{}) std::ranges::fill(claimed_epochs_, 0);
}

Result<void> WriteSide::commit() {
  if (!group_) return {};
  if (auto in_place = watch_.check(); !in_place) {
    roll_back(in_place.error());
    return in_place;
  }
  write_tie(*db_, watch_.next_commit());
  db_->run("COMMIT");
  if (auto fault = db_->take_fault()) {
    // The last frame may be on the disk all the same, and count after a crash, until the next commit writes over it.
    if (fault->failure == Failure::unavailable) fault->failure = Failure::unknown;
    roll_back(*fault);
    return std::unexpected(*fault);
  }
  ++meters_.commits;
  // Moved away while it was committed: a start may find it, or not.
  if (auto in_place = watch_.check(); !in_place) {
    in_place.error().failure = Failure::unknown;
    void_claims();
    end(in_place);
    return in_place;
  }
  end({});
  keep_wal_bounded();
  return {};
}

// The housekeeper does this while others write; where they never pause it is never done, or its disk is too slow, they
// must wait for it. Nobody is in a transaction now.
void WriteSide::keep_wal_bounded() {
  const std::uint64_t bytes = meters_.wal_bytes;
  if (bytes < options_.wal_bytes_max) {
    wal_bytes_next_ = options_.wal_bytes_max;
  } else if (bytes >= wal_bytes_next_) {
    checkpointer_.run();
    wal_bytes_next_ = bytes + options_.wal_bytes_max;
  }
}

Result<void> WriteSide::check_room() const {
  if (meters_.wal_held_since.load() == BootTime{} || meters_.wal_bytes < options_.wal_bytes_limit) return {};
  return fail(
      Failure::full,
      fmt::format("the write-ahead log has grown to its limit of {} MiB, since a program reads the data file in "
                  "one long transaction; this server's log names it",
                  options_.wal_bytes_limit >> 20));
}

Result<void> WriteSide::join(const Work& work, const std::function<void()>& joined) {
  std::shared_ptr<Group> group;
  if (std::unique_lock lock{turns_, std::try_to_lock}; lock) {
    Turn turn{*this, std::move(lock)};
    auto its = put(turn, work);
    if (!its) return std::unexpected(its.error());
    group = *std::move(its);
  } else {
    group = put_into_next(work);
  }
  joined();
  while (true) {
    group->wait(runtime_, options_);
    if (group->has_ended()) return group->outcome;
    if (auto other = group->moved()) {
      group = std::move(other);
      continue;
    }
    Turn turn{*this};
    // Until the turn came, someone may have begun or committed it, or the writer may have begun with it.
    if (withdraw(work)) {
      auto its = put(turn, work);
      if (!its) return std::unexpected(its.error());
      group = *std::move(its);
    } else if (group_ == group && runtime_.boot_time() >= group->due_at(options_)) {
      // How it went is the group's outcome.
      static_cast<void>(commit());
    }
  }
}

Result<std::shared_ptr<WriteSide::Group>> WriteSide::put(Turn& turn, const Work& work) {
  if (auto begun = turn.begin(); !begun) return std::unexpected(begun.error());
  work(turn);
  if (auto checked = turn.check(); !checked) return std::unexpected(checked.error());
  return group_;
}

std::shared_ptr<WriteSide::Group> WriteSide::put_into_next(const Work& work) {
  const std::lock_guard lock{next_mutex_};
  if (!next_) {
    next_ = std::make_shared<Group>();
    next_->opened_at = runtime_.boot_time();
  }
  waiting_.push_back(&work);
  return next_;
}

bool WriteSide::withdraw(const Work& work) {
  const std::lock_guard lock{next_mutex_};
  const bool waited = std::erase(waiting_, &work) > 0;
  if (waiting_.empty()) next_.reset();
  return waited;
}

std::shared_ptr<WriteSide::Group> WriteSide::take_next(std::vector<const Work*>& works) {
  const std::lock_guard lock{next_mutex_};
  works.swap(waiting_);
  return next_ ? std::exchange(next_, nullptr) : std::make_shared<Group>();
}

Result<void> WriteSide::Turn::begin() { return is_open() ? Result<void>{} : begin_with_waiting(lock_wait_left()); }

Result<void> WriteSide::Turn::begin_with_waiting(Duration lock_wait) {
  if (auto begun = begin_transaction(lock_wait); !begun) return begun;
  std::vector<const Work*> works;
  open(side_.take_next(works));
  for (const Work* work : works) (*work)(*this);
  return check();
}

Result<void> WriteSide::Turn::begin_alone() {
  if (is_open()) return {};
  if (auto begun = begin_transaction(lock_wait_left()); !begun) return begun;
  open(std::make_shared<Group>());
  return {};
}

Duration WriteSide::Turn::lock_wait_left() const {
  return side_.options_.lock_wait_max - (side_.runtime_.boot_time() - asked_at_);
}

Result<void> WriteSide::Turn::begin_transaction(Duration lock_wait) {
  if (auto in_place = side_.watch_.found(); !in_place) return in_place;
  db().set_lock_wait(lock_wait);
  db().run("BEGIN IMMEDIATE");
  return db().result();
}

void WriteSide::Turn::open(std::shared_ptr<Group> group) {
  side_.group_ = std::move(group);
  side_.group_->appended_to.resize(partition_count(), false);
  const std::lock_guard lock{side_.group_->mutex};
  side_.group_->opened_at = side_.runtime_.boot_time();
}

void WriteSide::Turn::take_waiting() {
  {
    const std::lock_guard lock{side_.next_mutex_};
    if (!side_.next_) return;
  }
  if (!is_open()) {
    // Whoever put something in waits for another program's lock, each to its own bound: were that done here, each turn
    // of the reader would keep them from theirs for as long.
    return static_cast<void>(begin_with_waiting(Duration{}));
  }
  std::vector<const Work*> works;
  side_.take_next(works)->move_to(side_.group_);
  for (const Work* work : works) (*work)(*this);
  static_cast<void>(check());
}

Result<void> WriteSide::Turn::check() {
  auto fault = db().take_fault();
  if (!fault) return {};
  if (is_open()) side_.roll_back(*fault);
  return std::unexpected(*std::move(fault));
}

void WriteSide::Turn::note_appended(std::uint32_t partition) { side_.group_->appended_to[partition] = true; }

void WriteSide::Turn::note_read(std::uint32_t partition) {
  if (!is_open() || !side_.group_->appended_to[partition]) return;
  side_.group_->note_writer(side_.runtime_.boot_time(), true);
}

bool WriteSide::Turn::note_written(std::uint64_t prices) {
  side_.group_->prices += prices;
  side_.group_->note_writer(side_.runtime_.boot_time(), false);
  return side_.group_->prices >= side_.options_.prices_max;
}

void WriteSide::Turn::commit_if_old() {
  if (!is_open() || side_.runtime_.boot_time() - side_.group_->opened_at < side_.options_.age_max) return;
  static_cast<void>(side_.commit());
}

bool WriteSide::Turn::holds(std::uint32_t partition, std::uint64_t epoch) const {
  return partition < partition_count() && epoch != 0 && side_.claimed_epochs_[partition] == epoch;
}

}  // namespace ratebook::sqlite
