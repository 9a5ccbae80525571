// A file opened by another process than its server's, to be looked at or copied: nothing in it changes.
#pragma once
#include <memory>
#include <string>

#include "model/error.hpp"
#include "sqlite/connection.hpp"

namespace ratebook::sqlite {

/// Not in the process that serves the file: closing it there would let go of SQLite's locks.
/// A connection that only reads, beside a running server or alone, also from where nothing may be written. What it
/// reads within one transaction is one version. Failure::not_found: no such file. damaged, conflict: not ours, beside a
/// WAL that is not its own, or of a newer release.
Result<std::unique_ptr<Connection>> open_to_read(const std::string& path);
/// The file alone, without the WAL that lies beside it. No server runs on it.
Result<std::unique_ptr<Connection>> open_to_read_alone(const std::string& path);

}  // namespace ratebook::sqlite
