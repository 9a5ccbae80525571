// What the tests of this folder share: an empty database on the server that RATEBOOK_TEST_POSTGRES names by a
// connection string, dropped with the test, and a store in it.
#pragma once
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "postgres/store.hpp"
#include "store/contract/contract.hpp"

namespace ratebook::postgres {

// What all stores' tests have, by its short name.
using std::chrono::milliseconds;
using store::Outcome;
using store::contract::attempt_name;
using store::contract::header_of;
using store::contract::prices_at;
using store::contract::some_prices;
using store::contract::TestWriter;

/// Statements of a person with SQL.
class Sql {
 public:
  explicit Sql(const std::string& conninfo) : handle_(PQconnectdb(conninfo.c_str())) {
    if (PQstatus(handle_.get()) != CONNECTION_OK) throw std::runtime_error{PQerrorMessage(handle_.get())};
    rows("SET search_path = ratebook");
  }
  /// Rows as `a|b|c`.
  std::vector<std::string> rows(const std::string& sql) {
    const Answer answer{PQexec(handle_.get(), sql.c_str())};
    const auto status = PQresultStatus(answer.get());
    EXPECT_TRUE(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) << PQresultErrorMessage(answer.get());
    std::vector<std::string> found;
    for (int row = 0; row < PQntuples(answer.get()); ++row) {
      std::string& text = found.emplace_back();
      for (int column = 0; column < PQnfields(answer.get()); ++column) {
        text += std::string{column == 0 ? "" : "|"} + PQgetvalue(answer.get(), row, column);
      }
    }
    return found;
  }
  /// Sends none of its rows.
  void begin_copy(const std::string& sql) {
    const Answer answer{PQexec(handle_.get(), sql.c_str())};
    EXPECT_EQ(PQresultStatus(answer.get()), PGRES_COPY_IN) << PQresultErrorMessage(answer.get());
  }
  std::string host() const { return PQhost(handle_.get()); }
  std::string port() const { return PQport(handle_.get()); }

 private:
  Handle handle_;
};

inline std::string server() {
  const char* conninfo = std::getenv("RATEBOOK_TEST_POSTGRES");
  if (conninfo == nullptr) {
    throw std::runtime_error{"RATEBOOK_TEST_POSTGRES names no server: ./dev test engines starts one"};
  }
  return conninfo;
}

class TestDatabase {
 public:
  TestDatabase() { Sql{server() + " dbname=postgres"}.rows("CREATE DATABASE " + name_); }
  ~TestDatabase() { Sql{server() + " dbname=postgres"}.rows("DROP DATABASE " + name_ + " WITH (FORCE)"); }
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  std::string conninfo() const { return server() + " dbname=" + name_; }
  const std::string& name() const { return name_; }

 private:
  static inline std::atomic<int> count_{0};
  const std::string name_ = "ratebook_test_" + std::to_string(getpid()) + "_" + std::to_string(++count_);
};

template <class Condition>
bool until(const Condition& condition) {
  for (int i = 0; i < 1000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  return false;
}

/// Commits wait for a standby that never comes, as long as it lives.
class NoStandby {
 public:
  NoStandby() {
    set("'nobody'");
    // Sessions know of it before the process that has commits wait does.
    EXPECT_TRUE(until([this] { return commits_wait(); }));
  }
  ~NoStandby() { set("''"); }
  NoStandby(const NoStandby&) = delete;
  NoStandby& operator=(const NoStandby&) = delete;

  /// Ends the waiting of a commit as an operator would, which PostgreSQL answers with success and a warning.
  void cancel_waiting_commit() {
    EXPECT_TRUE(until([this] { return cancels_waiting(); }));
  }

 private:
  bool cancels_waiting() {
    return !sql_.rows("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'").empty();
  }
  bool commits_wait() {
    std::atomic<bool> is_over = false;
    const std::jthread commit{[&] {
      Sql{server() + " dbname=postgres"}.rows("SELECT pg_logical_emit_message(true, '', '')");
      is_over = true;
    }};
    while (!is_over) {
      if (cancels_waiting()) return true;
    }
    return false;
  }
  void set(const std::string& names) {
    sql_.rows("SET synchronous_commit = local");
    sql_.rows("ALTER SYSTEM SET synchronous_standby_names = " + names);
    sql_.rows("SELECT pg_reload_conf()");
    EXPECT_TRUE(until([&] {
      Sql fresh{server() + " dbname=postgres"};
      return fresh.rows("SHOW synchronous_standby_names").front().empty() == (names == "''");
    }));
  }
  Sql sql_{server() + " dbname=postgres"};
};

/// A store that looks for leftovers often.
class TestNode {
 public:
  explicit TestNode(PostgresOptions options) : options_(std::move(options)) {
    // Unless the test is about it: a server beside many others may be slow to take a connection.
    if (options_.connect_time == PostgresOptions{}.connect_time) options_.connect_time = std::chrono::seconds{30};
    options_.poll_interval = std::chrono::milliseconds{10};
    options_.tidy_interval = std::chrono::milliseconds{100};
    auto opened = PostgresStore::open(options_, runtime_);
    if (!opened) throw std::runtime_error{opened.error().message};
    store_ = *std::move(opened);
  }
  explicit TestNode(const TestDatabase& database) : TestNode(PostgresOptions{.primary = database.conninfo()}) {}
  store::Store& store() { return *store_; }

 private:
  PostgresOptions options_;
  Runtime runtime_ = machine_runtime();
  std::unique_ptr<PostgresStore> store_;
};

}  // namespace ratebook::postgres
