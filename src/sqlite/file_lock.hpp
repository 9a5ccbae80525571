// One process at a time: a lock on a file beside the database, held until the object goes or the process ends however
// it ends.
#pragma once
#include <string>

#include "model/error.hpp"

namespace ratebook::sqlite {

class FileLock {
 public:
  /// Locks PATH-lock, which stays behind (taking it away would let two processes lock two files). A symbolic link is
  /// followed first. Failure::conflict: another process has it.
  static Result<FileLock> take(const std::string& path);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

  int file() const { return file_; }

 private:
  explicit FileLock(int file) : file_(file) {}
  int file_;
};

/// Makes the file where there is none (durably), and says in plain words what is in the way: no folder, no permission,
/// not a database.
Result<void> prepare_file(const std::string& path);

/// Whether a process serves this file now.
bool is_locked(const std::string& path);
/// Whether the file begins as a database does, or is empty; Failure::damaged with what it may be.
Result<void> check_magic(const std::string& path);
/// The file's bytes are on the disk.
Result<void> sync_file(const std::string& path);
/// The file's name in its folder is on the disk.
Result<void> sync_folder(const std::string& path);

}  // namespace ratebook::sqlite
