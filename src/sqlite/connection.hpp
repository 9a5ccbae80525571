// One SQLite connection and its queries. A failure sticks to the connection: what is asked of it afterwards has no
// effect and no rows, until result() or take_fault() has told the failure. So SQL reads as SQL, and an operation checks
// once, before it decides or commits. A failed fsync ends the process: what the kernel dropped cannot be written again.
#pragma once
#include <sqlite3.h>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "model/digest.hpp"
#include "model/error.hpp"

namespace ratebook::sqlite {

/// What a result code of SQLite means to the caller.
Failure failure_of(int code);

/// Told why, just before the process aborts.
using Fatal = std::function<void(const std::string& why)>;

/// Bytes bound without a copy: they must outlive the query.
struct Blob {
  explicit Blob(std::string_view of) : bytes(of) {}
  explicit Blob(const Digest& of) : bytes(reinterpret_cast<const char*>(of.data()), of.size()) {}
  std::string_view bytes;
};

class Connection {
 public:
  /// The file must exist. Waits at most 5 s where another program holds it.
  static Result<std::unique_ptr<Connection>> open(const std::string& path, const Fatal& fatal);
  /// `is_still`: nobody writes as long as it is open, so that no lock and no file beside it is needed.
  static Result<std::unique_ptr<Connection>> open_to_read(const std::string& path, bool is_still);
  /// Makes the file where there is none.
  static Result<std::unique_ptr<Connection>> create(const std::string& path);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Runs one statement to its end.
  template <class... Values>
  void run(std::string_view sql, const Values&... values);
  /// Runs several statements, separated by semicolons.
  void script(const std::string& sql);

  /// How long a statement waits for another program's lock; below zero is not at all.
  void set_lock_wait(std::chrono::nanoseconds at_most);

  /// Closing it neither moves the WAL nor removes it, even where it is the last connection.
  void leave_wal_at_close() { sqlite3_db_config(db_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr); }

  std::int64_t last_row() const { return sqlite3_last_insert_rowid(db_.get()); }
  bool in_transaction() const { return sqlite3_get_autocommit(db_.get()) == 0; }
  sqlite3* handle() const { return db_.get(); }

  bool failed() const { return fault_.has_value(); }
  std::optional<Fault> take_fault() { return std::exchange(fault_, std::nullopt); }
  template <class T>
  Result<T> result(T value) {
    if (fault_) return std::unexpected(*take_fault());
    return value;
  }
  Result<void> result() {
    if (fault_) return std::unexpected(*take_fault());
    return {};
  }

 private:
  friend class Query;
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close(db); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  static Result<std::unique_ptr<Connection>> open(const std::string& path, const std::string& uri, int flags,
                                                  const Fatal& fatal);
  Connection(sqlite3* db, std::string path, Fatal fatal) : db_(db), path_(std::move(path)), fatal_(std::move(fatal)) {}
  sqlite3_stmt* prepare(std::string_view sql);
  void stick(int code);

  std::unique_ptr<sqlite3, Close> db_;
  std::string path_;
  Fatal fatal_;
  std::unordered_map<std::string, std::unique_ptr<sqlite3_stmt, Finalize>, TextHash, std::equal_to<>> statements_;
  std::optional<Fault> fault_;
};

/// One run of a prepared statement, which the connection keeps for the next run of the same text. Two of the same text
/// must not run at once on one connection.
class Query {
 public:
  template <class... Values>
  Query(Connection& db, std::string_view sql, const Values&... values) : db_(db), statement_(db.prepare(sql)) {
    int index = 0;
    (bind(++index, values), ...);
  }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query();

  /// Whether there is a (next) row.
  bool next();
  /// Back to before the first row; bound values stay.
  void rewind() { sqlite3_reset(statement_); }

  /// Parameters count from 1.
  template <std::integral Integer>
  void bind(int index, Integer value) {
    sqlite3_bind_int64(statement_, index, static_cast<std::int64_t>(value));
  }
  void bind(int index, std::string_view text);
  void bind(int index, Blob blob);
  void bind(int index, std::optional<std::int64_t> value);

  /// Columns count from 0. Views hold until the next row.
  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  template <class Integer>
  Integer integer_as(int column) const {
    return static_cast<Integer>(integer(column));
  }
  bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  std::string_view text(int column) const;
  std::string_view bytes(int column) const;
  /// Zeros where the column is no digest.
  Digest digest(int column) const;

 private:
  Connection& db_;
  sqlite3_stmt* statement_;
};

template <class... Values>
void Connection::run(std::string_view sql, const Values&... values) {
  Query query{*this, sql, values...};
  while (query.next()) {
  }
}

}  // namespace ratebook::sqlite
