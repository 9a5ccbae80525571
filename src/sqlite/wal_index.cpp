#include "sqlite/wal_index.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

namespace ratebook::sqlite {
namespace {

constexpr std::size_t header_bytes = 48;  ///< twice, so that a reader sees whether it is whole
constexpr std::size_t frames_at = 16;
constexpr std::size_t salt_at = 32;
constexpr std::size_t marks_at = 2 * header_bytes + 4;
constexpr off_t locks_at = 120;
constexpr int checkpoint_lock = 1;
constexpr int first_read_lock = 3;

/// The process that holds this lock of the index, if it is another one.
int holder_of(int file, int lock) {
  struct flock asked{};
  asked.l_type = F_WRLCK;
  asked.l_whence = SEEK_SET;
  asked.l_start = locks_at + lock;
  asked.l_len = 1;
  if (fcntl(file, F_GETLK, &asked) != 0 || asked.l_type == F_UNLCK) return 0;
  return asked.l_pid;
}

}  // namespace

std::optional<WalIndex> read_wal_index(int file) {
  std::array<char, marks_at + sizeof(WalIndex::marks)> bytes{};
  if (pread(file, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) return std::nullopt;
  if (std::memcmp(bytes.data(), bytes.data() + header_bytes, header_bytes) != 0) return std::nullopt;
  WalIndex index;
  std::memcpy(&index.frames, bytes.data() + frames_at, sizeof index.frames);
  std::memcpy(index.salt.data(), bytes.data() + salt_at, index.salt.size());
  std::memcpy(index.marks.data(), bytes.data() + marks_at, sizeof index.marks);
  return index;
}

bool is_moved_by_other(int file) { return holder_of(file, checkpoint_lock) != 0; }

int find_outside_reader(int file) {
  const auto index = read_wal_index(file);
  if (!index) return 0;
  for (int slot = 0; slot < static_cast<int>(index->marks.size()); ++slot) {
    if (slot > 0 && index->marks[static_cast<std::size_t>(slot)] >= index->frames) continue;
    if (const int process = holder_of(file, first_read_lock + slot); process > 0) return process;
  }
  return 0;
}

std::string name_of_process(int process) {
  std::ifstream file{fmt::format("/proc/{}/comm", process)};
  std::string name;
  std::getline(file, name);
  return name.empty() ? fmt::format("{}", process) : fmt::format("{} ({})", process, name);
}

}  // namespace ratebook::sqlite
