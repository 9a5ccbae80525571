// SQLite's index of the WAL (PATH-shm), looked at from beside: what the WAL must hold, and which other program still
// reads an older state of it. The layout is SQLite's since 3.7.0: https://www.sqlite.org/walformat.html, 2.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace ratebook::sqlite {

struct WalIndex {
  std::uint32_t frames = 0;              ///< that are committed
  std::array<char, 8> salt{};            ///< as it stands in the WAL's header
  std::array<std::uint32_t, 5> marks{};  ///< the last frame that each slot of readers sees; slot 0: none
};

/// nullopt: it is just being changed.
std::optional<WalIndex> read_wal_index(int file);

/// Whether another process moves the WAL into the file now.
bool is_moved_by_other(int file);

/// A process that reads, in a transaction, a state before the WAL's last frame; this one is never named. 0: none is
/// found, or it is one of another PID namespace.
int find_outside_reader(int file);

/// `1234 (sqlite3)`.
std::string name_of_process(int process);

}  // namespace ratebook::sqlite
