#include "sqlite/wal_tie.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>
#include <utility>

#include "sqlite/file_lock.hpp"

namespace ratebook::sqlite {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr std::string_view tie_mark = "ratebook WAL tie";
constexpr std::size_t name_bytes = 16;
constexpr std::size_t tie_bytes = tie_mark.size() + 2 * name_bytes;

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<std::uint8_t>(bytes[at + i]);
  return number;
}

std::uint64_t long_number_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint64_t>(number_at(bytes, at)) << 32 | number_at(bytes, at + 4);
}

void append_name(std::string& to, CommitName name) {
  for (const std::uint64_t part : {name.session, name.number}) {
    for (int shift = 56; shift >= 0; shift -= 8) to += static_cast<char>(part >> shift & 0xff);
  }
}

std::string blob_of(const Tie& tie) {
  std::string bytes{tie_mark};
  append_name(bytes, tie.commit);
  append_name(bytes, tie.before);
  return bytes;
}

std::optional<Tie> tie_of(std::string_view bytes) {
  if (bytes.size() != tie_bytes || !bytes.starts_with(tie_mark)) return std::nullopt;
  const auto name = [&](std::size_t at) {
    return CommitName{long_number_at(bytes, at), long_number_at(bytes, at + 8)};
  };
  return Tie{name(tie_mark.size()), name(tie_mark.size() + name_bytes)};
}

/// A descriptor that closes. Never of the file that this process serves: that would let go of SQLite's locks.
class OpenFile {
 public:
  explicit OpenFile(const std::string& path) : file_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~OpenFile() {
    if (file_ >= 0) close(file_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  bool read(std::uint64_t at, std::string& into, std::size_t size) const {
    into.resize(size);
    return file_ >= 0 && pread(file_, into.data(), size, static_cast<off_t>(at)) == static_cast<ssize_t>(size);
  }

 private:
  int file_;
};

/// The two sums that SQLite chains over the WAL's header and frames.
class WalSums {
 public:
  explicit WalSums(bool is_big_endian) : swaps_(is_big_endian != (std::endian::native == std::endian::big)) {}

  void add(std::string_view bytes) {
    for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8) {
      std::array<std::uint32_t, 2> words{};
      std::memcpy(words.data(), bytes.data() + i, 8);
      if (swaps_) words = {__builtin_bswap32(words[0]), __builtin_bswap32(words[1])};
      first_ += words[0] + second_;
      second_ += words[1] + first_;
    }
  }
  bool stand_at(std::string_view bytes, std::size_t at) const {
    return number_at(bytes, at) == first_ && number_at(bytes, at + 4) == second_;
  }

 private:
  bool swaps_;
  std::uint32_t first_ = 0;
  std::uint32_t second_ = 0;
};

constexpr std::size_t wal_header_bytes = 32;
constexpr std::size_t frame_header_bytes = 24;
constexpr std::uint32_t wal_magic = 0x377f0682;  // one more: the sums are of big-endian words

enum class Beside : std::uint8_t { own, no_file, never_had_one, of_another_state };

/// The header's two versions are 1 where the last who closed the file left it without a WAL:
/// https://www.sqlite.org/fileformat.html, 1.3.3.
Beside look(const std::string& path) {
  std::error_code error;
  if (fs::file_size(path + "-wal", error) == 0 || error) return Beside::own;
  // A file that is just being made: SQLite takes it back first.
  if (fs::exists(path + "-journal", error)) return Beside::own;
  const WalContent wal = read_wal(path + "-wal");
  if (!wal.has_commits) return Beside::own;
  const auto size = fs::file_size(path, error);
  if (error || size == 0) return Beside::no_file;
  std::string head;
  if (OpenFile{path}.read(0, head, 20) && head[18] == 1 && head[19] == 1) return Beside::never_had_one;
  if (wal.ties.empty()) return Beside::own;
  const auto held = commit_in_file(path);
  if (!held || *held == wal.ties.front().before) return Beside::own;
  const bool is_in_wal = std::ranges::any_of(wal.ties, [&](const Tie& tie) { return tie.commit == *held; });
  return is_in_wal ? Beside::own : Beside::of_another_state;
}

std::string_view words_of(Beside beside) {
  switch (beside) {
    case Beside::no_file:
      return "holds what was accepted, and the file that it belongs to is gone or empty";
    case Beside::never_had_one:
      return "does not belong to this file, which is a copy that has none";
    default:
      return "does not belong to this file: it was written for another one, or for another state of it";
  }
}

}  // namespace

bool make_tie_table(Connection& db, CommitName first) {
  if (tie_page_number(db) != 0 || db.failed()) return false;
  db.run("BEGIN IMMEDIATE");
  db.run(
      "CREATE TABLE wal_tie (one INTEGER PRIMARY KEY CHECK (one = 1), "
      "tie BLOB NOT NULL) STRICT");  // the last commit's name, and the name of the one before: see wal_tie.hpp
  db.run("INSERT INTO wal_tie VALUES (1, ?)", Blob{blob_of({.commit = first, .before = {}})});
  db.run("COMMIT");
  return true;
}

std::optional<Tie> read_tie(Connection& db) {
  Query row{db, "SELECT tie FROM wal_tie"};
  return row.next() ? tie_of(row.bytes(0)) : std::nullopt;
}

void write_tie(Connection& db, CommitName commit) {
  const auto before = read_tie(db);
  const std::string bytes = blob_of({.commit = commit, .before = before ? before->commit : CommitName{}});
  db.run("UPDATE wal_tie SET tie = ?", Blob{bytes});
}

void cut_tie(Connection& db) {
  if (tie_page_number(db) == 0) return;
  CommitName fresh;
  {
    Query random{db, "SELECT random(), random()"};
    if (random.next()) fresh = {random.integer_as<std::uint64_t>(0), random.integer_as<std::uint64_t>(1)};
  }
  db.run("UPDATE wal_tie SET tie = ?", Blob{blob_of({.commit = fresh, .before = {}})});
}

std::optional<CommitName> commit_in_file(const std::string& path) {
  auto opened = Connection::open_to_read(path, true);
  if (!opened) return std::nullopt;
  Connection& db = **opened;
  const std::int64_t page = tie_page_number(db);
  if (!db.failed() && page == 0) return CommitName{};
  const auto tie = read_tie(db);
  if (db.failed() || !tie) return std::nullopt;
  return tie->commit;
}

std::int64_t tie_page_number(Connection& db) {
  Query root{db, "SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = 'wal_tie'"};
  return root.next() ? root.integer(0) : 0;
}

// https://www.sqlite.org/fileformat.html, 1.6 and 2.1: a leaf of a table with one cell, whose row is (1, tie).
std::optional<Tie> tie_in_page(std::string_view page) {
  constexpr std::string_view row_start{"\x33\x01\x03\x00\x6c",
                                       5};  // 51 bytes, row 1, header: 3 bytes, null, a blob of 48
  constexpr std::uint32_t leaf = 0x0d;
  if (page.size() < 512 || number_at(page, 0) >> 24 != leaf || (number_at(page, 1) & 0xffff) != 1) return std::nullopt;
  const std::size_t cell = number_at(page, 8) >> 16;
  if (cell + row_start.size() + tie_bytes > page.size()) return std::nullopt;
  const std::string_view row = page.substr(cell);
  return row.starts_with(row_start) ? tie_of(row.substr(row_start.size(), tie_bytes)) : std::nullopt;
}

WalContent read_wal(const std::string& wal_path) {
  const OpenFile file{wal_path};
  WalContent content;
  std::string header;
  if (!file.read(0, header, wal_header_bytes) || (number_at(header, 0) & ~1U) != wal_magic) return content;
  const std::size_t page_size = number_at(header, 8);
  WalSums sums{(number_at(header, 0) & 1) != 0};
  sums.add(std::string_view{header}.substr(0, 24));
  if (!sums.stand_at(header, 24) || page_size < 512 || page_size > 65536) return content;
  std::vector<Tie> open;  // of a transaction whose end has not come yet
  std::string frame;
  for (std::uint64_t at = wal_header_bytes; file.read(at, frame, frame_header_bytes + page_size); at += frame.size()) {
    const std::string_view bytes{frame};
    if (number_at(bytes, 0) == 0 || bytes.substr(8, 8) != std::string_view{header}.substr(16, 8)) break;
    sums.add(bytes.substr(0, 8));
    sums.add(bytes.substr(frame_header_bytes));
    if (!sums.stand_at(bytes, 16)) break;
    if (const auto tie = tie_in_page(bytes.substr(frame_header_bytes))) open.push_back(*tie);
    if (number_at(bytes, 4) == 0) continue;
    content.has_commits = true;
    content.ties.insert(content.ties.end(), open.begin(), open.end());
    open.clear();
  }
  return content;
}

Result<void> check_wal_is_own(const std::string& path) {
  std::error_code error;
  // SQLite, too, follows a link first.
  const fs::path real = fs::weakly_canonical(path, error);
  const std::string name = error ? path : real.string();
  Beside beside = look(name);
  for (int tries = 0; beside != Beside::own && tries < 10 && is_locked(path); ++tries) {
    std::this_thread::sleep_for(20ms);
    beside = look(name);
  }
  if (beside == Beside::own) return {};
  return fail(Failure::damaged,
              fmt::format("{0}: {0}-wal {1}; to go on from {0} as it is (a backup that was copied there), move {0}-wal "
                          "away; to go on from what was there before, put back the file that the WAL belongs to",
                          name, words_of(beside)));
}

}  // namespace ratebook::sqlite
