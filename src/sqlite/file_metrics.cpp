#include "sqlite/file_metrics.hpp"

namespace ratebook::sqlite {

void add_metrics(const File& file, obs::Metrics& metrics) {
  const auto read = [&file](std::uint64_t Counters::* member) {
    return [&file, member] { return static_cast<double>(file.counters().*member); };
  };
  metrics.counted("ratebook_sqlite_commits_total", "Transactions committed: one fsync each.", read(&Counters::commits));
  metrics.counted("ratebook_sqlite_rollbacks_total", "Transactions rolled back.", read(&Counters::rollbacks));
  metrics.counted("ratebook_sqlite_records_appended_total", "Records appended to the log.",
                  read(&Counters::records_appended));
  metrics.counted("ratebook_sqlite_bytes_appended_total", "Bytes appended to the log.",
                  read(&Counters::bytes_appended));
  metrics.counted("ratebook_sqlite_prices_staged_total", "Prices written as rows.", read(&Counters::prices_staged));
  metrics.counted("ratebook_sqlite_checkpoints_total", "Checkpoints of the WAL.", read(&Counters::checkpoints));
  metrics.gauge("ratebook_sqlite_wal_bytes", "Bytes of frames in the WAL after the last commit.",
                read(&Counters::wal_bytes));
  metrics.gauge("ratebook_sqlite_wal_held_seconds",
                "How long a reader has kept the WAL from being moved into the file; 0: none does.",
                [&file] { return std::chrono::duration<double>(file.counters().wal_held).count(); });
  metrics.gauge("ratebook_sqlite_file_in_place", "1: what is written is what a start would find at the path.",
                [&file] { return file.is_in_place() ? 1.0 : 0.0; });
}

}  // namespace ratebook::sqlite
