#include "sqlite/connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ratebook::sqlite {
namespace {

constexpr int lock_wait_ms = 5000;  ///< where nobody says another

bool is_failed_sync(int code) { return code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC; }

/// For an SQLite URI: https://www.sqlite.org/uri.html, 3.
std::string escaped(const std::string& path) {
  std::string text;
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      text += fmt::format("%{:02x}", c);
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace

Failure failure_of(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return Failure::full;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Failure::refused;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Failure::damaged;
    default:
      return Failure::unavailable;
  }
}

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, const Fatal& fatal) {
  return open(path, path, SQLITE_OPEN_READWRITE, fatal);
}

Result<std::unique_ptr<Connection>> Connection::open_to_read(const std::string& path, bool is_still) {
  const std::string name = fmt::format("file:{}{}", escaped(path), is_still ? "?immutable=1" : "");
  return open(path, name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, {});
}

Result<std::unique_ptr<Connection>> Connection::create(const std::string& path) {
  return open(path, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, {});
}

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, const std::string& uri, int flags,
                                                     const Fatal& fatal) {
  sqlite3* db = nullptr;
  const int code = sqlite3_open_v2(uri.c_str(), &db, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<Connection> connection{new Connection{db, path, fatal}};
  if (code != SQLITE_OK) {
    return fail(failure_of(code), fmt::format("{}: cannot be opened: {}", path, sqlite3_errstr(code)));
  }
  sqlite3_extended_result_codes(db, 1);
  sqlite3_busy_timeout(db, lock_wait_ms);
  return connection;
}

sqlite3_stmt* Connection::prepare(std::string_view sql) {
  if (fault_) return nullptr;
  if (const auto found = statements_.find(sql); found != statements_.end()) return found->second.get();
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(db_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, nullptr);
  if (code != SQLITE_OK) {
    stick(code);
    return nullptr;
  }
  statements_.emplace(std::string{sql}, statement);
  return statement;
}

void Connection::script(const std::string& sql) {
  if (fault_) return;
  const int code = sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) stick(code);
}

void Connection::set_lock_wait(std::chrono::nanoseconds at_most) {
  const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(at_most);
  sqlite3_busy_timeout(db_.get(), static_cast<int>(std::max<std::int64_t>(wait.count(), 0)));
}

void Connection::stick(int code) {
  const int extended = sqlite3_extended_errcode(db_.get());
  const std::string why = fmt::format("{}: {} ({})", path_, sqlite3_errmsg(db_.get()), sqlite3_errstr(code));
  if (is_failed_sync(code) || is_failed_sync(extended)) {
    const std::string last =
        why + ": a failed fsync leaves unknown what is on the disk; look at the disk, then restart";
    if (fatal_) {
      fatal_(last);
    } else {
      std::fprintf(stderr, "%s\n", last.c_str());
    }
    std::abort();
  }
  if (fault_) return;
  fault_ = Fault{failure_of(code), why};
  if (fault_->failure == Failure::damaged) {
    fault_->message += ": the file is damaged; `ratebook check` says where; go on from a backup";
  }
}

Query::~Query() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

bool Query::next() {
  if (statement_ == nullptr || db_.failed()) return false;
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) db_.stick(code);
  return false;
}

void Query::bind(int index, std::string_view text) {
  sqlite3_bind_text64(statement_, index, text.data() == nullptr ? "" : text.data(), text.size(), SQLITE_TRANSIENT,
                      SQLITE_UTF8);
}

void Query::bind(int index, Blob blob) {
  sqlite3_bind_blob64(statement_, index, blob.bytes.data() == nullptr ? "" : blob.bytes.data(), blob.bytes.size(),
                      SQLITE_STATIC);
}

void Query::bind(int index, std::optional<std::int64_t> value) {
  if (value) {
    sqlite3_bind_int64(statement_, index, *value);
  } else {
    sqlite3_bind_null(statement_, index);
  }
}

std::string_view Query::text(int column) const {
  const auto* at = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return at == nullptr ? std::string_view{} : std::string_view{at, std::strlen(at)};
}

std::string_view Query::bytes(int column) const {
  const auto* at = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const auto length = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return at == nullptr ? std::string_view{} : std::string_view{at, length};
}

Digest Query::digest(int column) const {
  Digest digest{};
  const std::string_view from = bytes(column);
  if (from.size() == digest.size()) std::ranges::copy(from, reinterpret_cast<char*>(digest.data()));
  return digest;
}

}  // namespace ratebook::sqlite
