// Connections to one server, a bounded number for one kind of work, made when they are needed and kept. One that broke
// is not given out again. Whoever has waited longest for one gets it first.
#pragma once
#include <atomic>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "postgres/connection.hpp"
#include "runtime/first_come.hpp"

namespace ratebook::postgres {

/// Which server of a connection string is tried first. One that was silent is not the first again: it may take
/// connections, and be a primary that does not know of its fall. Shared by all that connect by the same string.
class Servers {
 public:
  std::size_t first() const { return first_; }
  void took(std::size_t server) { first_ = server; }
  void failed(std::size_t server) { first_.compare_exchange_strong(server, server + 1); }

 private:
  std::atomic<std::size_t> first_ = 0;
};

class Pool {
 public:
  /// `work` says in messages what the connections are for; `setting` is what an operator raises to have more.
  struct Purpose {
    std::string work;
    std::string setting;
  };
  Pool(Purpose purpose, std::string conninfo, std::size_t connections_max, Servers& servers,
       const PostgresOptions& options, const Runtime& runtime)
      : purpose_(std::move(purpose)),
        conninfo_(std::move(conninfo)),
        connections_max_(connections_max),
        servers_(servers),
        options_(options),
        runtime_(runtime) {}

  /// A connection for as long as it lives.
  class Lease {
   public:
    Lease(Pool& pool, Connection connection) : pool_(&pool), connection_(std::move(connection)) {}
    Lease(Lease&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), connection_(std::move(other.connection_)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (pool_ != nullptr) pool_->take_back(std::move(connection_));
    }
    Connection& operator*() { return connection_; }
    Connection* operator->() { return &connection_; }

   private:
    Pool* pool_;
    Connection connection_;
  };

  /// Waits for a free one until `free_by`; a new one must be open by `open_by`. Failure::full: all were in use for so
  /// long, which says nothing about the server. Failure::unavailable: none can be made.
  Result<Lease> lease(BootTime free_by, BootTime open_by = BootTime::max());
  /// The same, waiting as long as for an answer.
  Result<Lease> lease() { return lease(runtime_.boot_time() + options_.answer_time); }

  const std::string& work() const { return purpose_.work; }
  std::size_t in_use() const { return connections_max_ - places_.free(); }
  std::size_t waiting() const { return places_.waiting(); }

 private:
  void take_back(Connection connection);

  const Purpose purpose_;
  const std::string conninfo_;
  const std::size_t connections_max_;
  Servers& servers_;
  const PostgresOptions& options_;
  const Runtime& runtime_;
  FirstCome places_{connections_max_};
  std::mutex mutex_;  ///< guards the rest
  std::vector<Connection> idle_;
};

}  // namespace ratebook::postgres
