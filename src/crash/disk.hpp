// A disk that fails, for tests: an SQLite VFS over the real one that knows which bytes were synced. It stops the world
// at any write, sync, truncation or deletion, and then makes the file as a machine may find it after the power is back.
//
//   write ─▶ pending ─ sync ─▶ durable          after a crash: durable, and of what is pending any sectors at all
#pragma once
#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace ratebook::crash {

enum class DiskFault : std::uint8_t {
  none,
  crash,        ///< from this step on nothing has an effect and everything fails; the step itself may be torn
  write_error,  ///< writes fail half done, and succeed again later
  full,         ///< writes fail, and succeed again later
};

struct DiskPlan {
  DiskFault fault = DiskFault::none;
  std::uint64_t at = 0;     ///< the first step that it befalls; steps count from 0
  std::uint64_t steps = 1;  ///< so many in a row, unless it is a crash
  bool syncs_lie = false;   ///< a sync says that it is done, and does nothing
};

/// While it lives, it is what SQLite opens files with by default. One at a time.
class Disk {
 public:
  Disk();
  ~Disk();
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  /// Forgets all files (close them first) and begins to count anew.
  void begin(DiskPlan plan);
  std::uint64_t steps() const;
  bool is_crashed() const;
  /// Puts the files as a crash at this moment may leave them into `folder`. Seed 0: nothing that was not synced is
  /// there; 1: all of it; any other: some sectors of some writes.
  void leave(const std::string& folder, std::uint32_t seed) const;

 private:
  struct Change {
    std::int64_t at = 0;  ///< of a truncation: the new size
    std::string bytes;
    bool is_truncation = false;
  };
  enum class Name : std::uint8_t { none, maybe, certain };  ///< whether the folder's entry would be there
  struct Image {
    std::string durable;
    std::vector<Change> pending;
    Name name = Name::maybe;
    bool is_deleted = false;
  };
  struct OpenFile;
  struct Calls;

  /// What the next step of a file may do.
  enum class Verdict : std::uint8_t { go, tear, fail, full };
  Verdict next_step(bool is_write);
  void sync_folder();
  static std::string survivor(const Image& image, std::uint32_t seed);

  sqlite3_vfs vfs_{};
  sqlite3_vfs* real_;
  mutable std::mutex mutex_;  ///< guards the rest
  DiskPlan plan_;
  std::uint64_t steps_ = 0;
  bool crashed_ = false;
  std::map<std::string, Image> images_;
};

}  // namespace ratebook::crash
