// Ties the WAL to the file that it was written for (rule 28). SQLite takes whatever lies at PATH-wal for the WAL of
// PATH. So every commit writes the row of `wal_tie`: its own name, and the name of the commit before it.
//
//   PATH, read without its WAL: commit 41 ─┐ must be the first one's `before`, or a commit of the WAL (what a
//   PATH-wal: 42 (before: 41) · 43 · 44  ──┘ checkpoint that did not finish has moved already)
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.hpp"
#include "sqlite/connection.hpp"

namespace ratebook::sqlite {

/// Names one commit. Sessions are random, one an opening: copies of one file that went separate ways share no name.
struct CommitName {
  std::uint64_t session = 0;
  std::uint64_t number = 0;

  bool operator==(const CommitName&) const = default;
};

struct Tie {
  CommitName commit;
  CommitName before;  ///< all zeros: none
};

/// True: it was not there, and what made it should be moved into the file before anything else is written.
bool make_tie_table(Connection& db, CommitName first);
/// nullopt: none is there, or it cannot be read; a fault stays with the connection.
std::optional<Tie> read_tie(Connection& db);
/// Part of the transaction that is open: `commit` follows whatever stands there.
void write_tie(Connection& db, CommitName commit);
/// A name that no WAL knows: of a copy that must not be taken together with the WAL of what it was copied from.
void cut_tie(Connection& db);

/// In the file at the path alone, as its last checkpoint left it; all zeros: it has no tie. nullopt: it cannot be read
/// so, and nothing follows from it.
std::optional<CommitName> commit_in_file(const std::string& path);

/// The page on which the tie stands; 0: none.
std::int64_t tie_page_number(Connection& db);
/// nullopt: the page holds something else.
std::optional<Tie> tie_in_page(std::string_view page);

/// What a WAL holds that is committed.
struct WalContent {
  bool has_commits = false;
  std::vector<Tie> ties;  ///< in the order written
};
/// SQLite's own rules say where the content ends: https://www.sqlite.org/fileformat.html, 4. Empty where there is none.
WalContent read_wal(const std::string& wal_path);

/// Failure::damaged: the WAL beside the file is that of another file, or of another state of it; says what to do.
/// Changes nothing. Where a server runs on it, it looks again before it says so: both may change meanwhile.
Result<void> check_wal_is_own(const std::string& path);

}  // namespace ratebook::sqlite
