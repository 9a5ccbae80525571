// One connection to PostgreSQL. Every wait has a deadline of ours; past it the connection is closed, never the
// statement cancelled: a commit that is cancelled while it waits for its standby says that it succeeded.
//
//   run({a, b, c})   one round trip, one transaction: pipelined, committed by the sync at its end (libpq, "Pipeline
//   Mode") begin … commit   a transaction of several round trips, where COPY is part of it
#pragma once
#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/batch.hpp"
#include "model/error.hpp"
#include "postgres/libpq.hpp"
#include "postgres/options.hpp"

namespace ratebook::postgres {

/// Rows of an answer, in PostgreSQL's binary form.
class Rows {
 public:
  explicit Rows(Answer answer) : answer_(std::move(answer)) {}

  int size() const { return PQntuples(answer_.get()); }
  bool is_null(int row, int column) const { return PQgetisnull(answer_.get(), row, column) != 0; }
  /// Of bytea and text; empty where it is null. Holds as long as the rows.
  std::string_view bytes(int row, int column) const;
  std::string text(int row, int column) const { return std::string{bytes(row, column)}; }
  /// Of bool, int2, int4 and int8, dates and oids; 0 where it is null.
  std::int64_t integer(int row, int column) const;
  template <class Number>
  Number integer_as(int row, int column) const {
    return static_cast<Number>(integer(row, column));
  }
  /// 32 bytes; zeros where it is anything else.
  Digest digest(int row, int column) const;

 private:
  Answer answer_;
};

/// A statement and its parameters, $1…, each cast in the statement where its type does not follow from its place.
struct Statement {
  template <class... Values>
  explicit Statement(std::string_view text, const Values&... values) : sql(text) {
    (add(values), ...);
  }

  struct Parameter {
    std::string bytes;
    bool is_binary = false;
    bool is_null = false;
  };
  std::string sql;
  std::vector<Parameter> parameters;

 private:
  template <std::integral Number>
  void add(Number value) {
    parameters.emplace_back().bytes = std::to_string(value);
  }
  void add(std::string_view text) { parameters.emplace_back().bytes = text; }
  void add(const Digest& digest) {
    auto& parameter = parameters.emplace_back();
    parameter.bytes.assign(digest.begin(), digest.end());
    parameter.is_binary = true;
  }
  template <class Value>
  void add(const std::optional<Value>& value) {
    if (value) return add(*value);
    parameters.emplace_back().is_null = true;
  }
};

/// What a failure of a statement means for what it would have changed.
enum class Effect {
  none,    ///< it only reads: Failure::unavailable
  change,  ///< it commits: without an answer, or with a warning, Failure::unknown
};

class Connection {
 public:
  /// Of the servers that `conninfo` names the first that takes it, from number `first` on (any number), and none beyond
  /// `deadline`. Failure::unavailable: no server, no such database, wrong password: says which.
  static Result<Connection> open(const std::string& conninfo, const PostgresOptions& options, const Runtime& runtime,
                                 BootTime deadline = BootTime::max(), std::size_t first = 0);

  /// Runs all in one transaction and one round trip; answers in their order. A statement that the server refuses takes
  /// back the others: its SQLSTATE decides the failure (fault_of).
  Result<std::vector<Rows>> run(std::span<const Statement> statements, Effect effect, Duration at_most);
  Result<std::vector<Rows>> run(std::span<const Statement> statements, Effect effect) {
    return run(statements, effect, options_->answer_time);
  }
  Result<Rows> run(const Statement& statement, Effect effect);

  /// Several round trips: BEGIN with whatever `statements` say, all in one; then copies; then commit.
  Result<std::vector<Rows>> begin(std::span<const Statement> statements);
  /// Inside a transaction that has begun. After a failure it can only be rolled back.
  Result<Rows> within(const Statement& statement);
  /// The same, of any number of statements in one string.
  Result<void> script(const std::string& sql);
  Result<void> copy_in(const std::string& sql, std::string_view bytes);
  /// Gives each piece of COPY … TO STDOUT as it comes; return false to stop: the connection is then closed.
  Result<void> copy_out(const std::string& sql, const std::function<Result<bool>(std::string_view)>& sink);
  Result<void> commit(std::span<const Statement> last = {});
  void roll_back();

  /// Whether it can be used on: it is not after a wait that was given up, nor inside a transaction.
  bool is_usable() const;
  /// The same, and the server has not closed it meanwhile, as far as can be known without asking.
  bool is_alive();
  /// It is of no more use.
  void close() { handle_.reset(); }
  /// The number of its server among those of the connection string.
  std::size_t server() const { return server_; }
  /// Another one than any connection before it of the same pool.
  std::uint64_t number() const { return number_; }
  /// A server that was none once is no standby as long as this connection lasts.
  bool is_primarys() const { return is_primarys_; }
  void note_primary() { is_primarys_ = true; }
  /// Waits for notifications, or until `wake` can be read; what those that came say.
  Result<std::vector<std::string>> await_notifications(Duration at_most, int wake);

 private:
  Connection(Handle handle, const PostgresOptions& options, const Runtime& runtime, std::size_t server);
  Fault last_fault(Effect effect) const;
  Fault give_up(Effect effect, const std::string& why);
  Result<void> flush(BootTime deadline, Effect effect);
  Result<Answer> next_answer(BootTime deadline, Effect effect);
  Result<std::vector<Rows>> run_pipeline(std::span<const Statement> statements, Effect effect, BootTime deadline);
  /// The answers that are still to come to a simple query: nothing but that it is done.
  Result<void> drain(BootTime deadline);
  Result<void> script(const std::string& sql, BootTime deadline);
  bool await(short events, BootTime deadline) const;
  BootTime answer_deadline() const { return runtime_->boot_time() + options_->answer_time; }
  static void take_notice(void* self, const PGresult* notice);

  Handle handle_;
  const PostgresOptions* options_;
  const Runtime* runtime_;
  std::size_t server_;
  std::uint64_t number_;
  bool is_primarys_ = false;
  std::unique_ptr<std::string> warning_;  ///< the last one since the statements began; its address stays
};

/// What an error of the server means. `RB001` and `RB002` are ours (schema.cpp).
Fault fault_of(const PGresult* answer, Effect effect);

}  // namespace ratebook::postgres
