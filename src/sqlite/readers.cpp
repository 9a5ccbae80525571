#include "sqlite/readers.hpp"

#include <fmt/format.h>

namespace ratebook::sqlite {

Result<std::unique_ptr<Readers>> Readers::open(FileWatch& watch, const Fatal& fatal, std::size_t count,
                                               std::size_t cache_kib) {
  std::unique_ptr<Readers> readers{new Readers{watch, count}};
  for (std::size_t i = 0; i < count; ++i) {
    auto db = Connection::open(watch.path(), fatal);
    if (!db) return std::unexpected(db.error());
    // Memory-mapped reads were measured, too: no gain, and a disk that fails would be a signal instead of an error.
    (*db)->script(fmt::format("PRAGMA query_only = ON; PRAGMA cache_size = -{}", cache_kib));
    if (auto set = (*db)->result(); !set) return std::unexpected(set.error());
    readers->idle_.push_back(*std::move(db));
  }
  return readers;
}

Result<Readers::Lease> Readers::lease(Duration at_most) {
  if (auto counts = watch_.check_readable(); !counts) return std::unexpected(counts.error());
  if (!places_.enter(at_most)) return fail(Failure::unavailable, "too many read the file at once; ask again");
  std::unique_ptr<Connection> db;
  {
    const std::lock_guard lock{mutex_};
    db = std::move(idle_.back());
    idle_.pop_back();
  }
  Lease lease{*this, std::move(db)};
  lease.db().run("BEGIN");
  if (auto begun = lease.db().result(); !begun) return std::unexpected(begun.error());
  return lease;
}

Readers::Lease::~Lease() {
  if (!db_) return;
  db_->take_fault();
  if (db_->in_transaction()) db_->run("ROLLBACK");
  db_->take_fault();
  readers_.give_back(std::move(db_));
}

void Readers::leave_wal_at_close() {
  const std::lock_guard lock{mutex_};
  for (const auto& db : idle_) db->leave_wal_at_close();
}

void Readers::give_back(std::unique_ptr<Connection> db) {
  {
    const std::lock_guard lock{mutex_};
    idle_.push_back(std::move(db));
  }
  places_.leave();
}

}  // namespace ratebook::sqlite
