// Whether what is written is what a start would find at the path (rule 28): looked at before and after each commit, and
// once in a while.
//
//   in its place ◀──▶ moved     the file, its WAL, its index or its lock is gone from its path, or another is there
//        └──────────▶ changed   another program has written over the file or its WAL: for good, until a restart
#pragma once
#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "model/error.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/file_lock.hpp"
#include "sqlite/wal_index.hpp"
#include "sqlite/wal_tie.hpp"

namespace ratebook::sqlite {

/// For any thread. Holds descriptors of what SQLite has open, so it must outlive every connection of this process:
/// closing one lets go of SQLite's locks.
class FileWatch {
 public:
  enum class State : std::uint8_t { in_place, moved, changed };

  /// Before SQLite opens the file. `lock` is its lock, which outlives this.
  static Result<std::unique_ptr<FileWatch>> begin(const std::string& path, const FileLock& lock);
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  /// SQLite has opened it, and its WAL is empty. Failure::conflict: it was replaced meanwhile.
  Result<void> note_opened(Connection& db, std::uint64_t session);

  /// A name for the next commit, which may be in the WAL from then on.
  CommitName next_commit();

  /// Failure::refused, with what is wrong and what to do. A few system calls.
  Result<void> check();
  /// The same, and whether the file still holds what it should where nothing looks changed from outside.
  Result<void> check_closely();
  /// What the last check found.
  Result<void> found() const;
  State state() const;
  /// Whether what is read from the file counts: it was not written over.
  Result<void> check_readable();

  /// Around each checkpoint of this process, which changes the file. False: it must not be, for one side of it is not
  /// what it was.
  bool begin_move();
  /// `is_whole`: no write failed.
  void end_move(Connection& db, bool is_whole);

  const std::string& path() const { return path_; }
  int file() const { return file_; }    ///< of the file itself
  int index() const { return index_; }  ///< of PATH-shm

 private:
  struct Part {
    std::string path;
    std::string what;
    dev_t device = 0;
    ino_t number = 0;
  };
  struct Stamp {
    off_t size = 0;
    timespec written{};
    timespec altered{};
    bool operator==(const Stamp& other) const;
  };

  FileWatch(std::string path, const FileLock& lock, int file);
  void add_part(const std::string& path, std::string what, int file);
  void look(bool closely);
  std::string find_moved() const;
  std::string find_changed(bool closely);
  std::string find_changed_file(const struct stat& now);
  std::string find_changed_wal() const;
  bool has_wal(const WalIndex& index) const;
  bool is_expected(CommitName held) const;
  void keep_trouble(State state, const std::string& what);

  const std::string path_;
  const FileLock& lock_;
  const int file_;
  int wal_ = -1;
  int index_ = -1;

  mutable std::mutex mutex_;  ///< guards all below
  std::vector<Part> parts_;
  State state_ = State::in_place;
  std::string trouble_;
  bool is_moving_ = false;  ///< a checkpoint of this process writes the file
  bool is_torn_ = false;    ///< one has failed: until the next what stands in the file says nothing
  Stamp stamp_;             ///< as the last checkpoint left it
  std::int64_t page_bytes_ = 0;
  std::int64_t tie_page_ = 0;
  std::uint64_t session_ = 0;
  CommitName held_;         ///< that the file holds
  std::uint64_t last_ = 0;  ///< number of the last commit that was begun in this session
};

}  // namespace ratebook::sqlite
