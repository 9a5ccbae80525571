// A bounded pool of connections that only read: each sees what is committed, from one snapshot per transaction, and
// neither waits for the writer nor holds it up.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "model/error.hpp"
#include "runtime/first_come.hpp"
#include "runtime/runtime.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/file_watch.hpp"

namespace ratebook::sqlite {

class Readers {
 public:
  /// `watch` outlives it.
  static Result<std::unique_ptr<Readers>> open(FileWatch& watch, const Fatal& fatal, std::size_t count,
                                               std::size_t cache_kib);

  /// A connection of one's own, inside a read transaction, given back at the end of its life.
  class Lease {
   public:
    Lease(Lease&& other) noexcept : readers_(other.readers_), db_(std::move(other.db_)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    Connection& db() { return *db_; }

   private:
    friend class Readers;
    Lease(Readers& readers, std::unique_ptr<Connection> db) : readers_(readers), db_(std::move(db)) {}
    Readers& readers_;
    std::unique_ptr<Connection> db_;
  };

  /// Failure::unavailable: all were in use for as long as `at_most`, or the file was written over.
  Result<Lease> lease(Duration at_most = std::chrono::seconds{10});
  /// Of every connection that is not in use.
  void leave_wal_at_close();

 private:
  Readers(FileWatch& watch, std::size_t count) : watch_(watch), places_(count) {}
  void give_back(std::unique_ptr<Connection> db);

  FileWatch& watch_;
  FirstCome places_;  ///< as many as there are connections
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace ratebook::sqlite
