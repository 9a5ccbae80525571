#include "sqlite/transaction.hpp"

#include <algorithm>

namespace ratebook::sqlite {

void WriteSide::end(Result<void> outcome) {
  group_->ended = true;
  group_->outcome = std::move(outcome);
  group_.reset();
  ended_.notify_all();
}

void WriteSide::roll_back(const Fault& why) {
  // SQLite itself has rolled back after some failures (a full disk among them), not after others.
  if (db_->in_transaction()) db_->run("ROLLBACK");
  db_->take_fault();
  ++meters_.rollbacks;
  if (group_->seen || group_->written) std::ranges::fill(claimed_epochs_, 0);
  end(std::unexpected(why));
}

Result<void> WriteSide::commit() {
  if (!group_) return {};
  db_->run("COMMIT");
  if (auto fault = db_->take_fault()) {
    // The last frame may be on the disk all the same, and count after a crash, until the next commit writes over it.
    if (fault->failure == Failure::unavailable) fault->failure = Failure::unknown;
    roll_back(*fault);
    return std::unexpected(*fault);
  }
  ++meters_.commits;
  end({});
  return {};
}

Result<void> WriteSide::Turn::begin() {
  if (side_.group_) return {};
  db().run("BEGIN IMMEDIATE");
  if (auto begun = db().result(); !begun) return begun;
  side_.group_ = std::make_shared<Group>();
  side_.group_->opened_at = side_.runtime_.boot_time();
  side_.group_->appended_to.resize(partition_count(), false);
  return {};
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
  side_.group_->seen = true;
  side_.group_->writer_at = side_.runtime_.boot_time();
}

bool WriteSide::Turn::note_written(std::uint64_t prices) {
  side_.group_->written = true;
  side_.group_->prices += prices;
  side_.group_->writer_at = side_.runtime_.boot_time();
  return side_.group_->prices >= side_.options_.prices_max;
}

Result<void> WriteSide::Turn::wait_until_durable() {
  const std::shared_ptr<Group> group = side_.group_;
  const TransactionOptions& options = side_.options_;
  while (!group->ended) {
    const BootTime quiet_end =
        group->seen ? group->writer_at + options.writer_quiet_max : group->opened_at + options.quiet_max;
    const BootTime end = std::min(quiet_end, group->opened_at + options.age_max);
    const BootTime now = side_.runtime_.boot_time();
    if (now >= end) {
      // The outcome is the group's; it is read below.
      static_cast<void>(side_.commit());
      break;
    }
    side_.ended_.wait_for(lock_, end - now);
  }
  return group->outcome;
}

void WriteSide::Turn::commit_if_old() {
  if (!is_open() || side_.runtime_.boot_time() - side_.group_->opened_at < side_.options_.age_max) return;
  static_cast<void>(side_.commit());
}

bool WriteSide::Turn::holds(std::uint32_t partition, std::uint64_t epoch) const {
  return partition < partition_count() && epoch != 0 && side_.claimed_epochs_[partition] == epoch;
}

}  // namespace ratebook::sqlite
