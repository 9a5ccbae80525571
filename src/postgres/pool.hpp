// Connections to one server, a bounded number, made when they are needed and kept. One that broke is not given out
// again.
#pragma once
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "postgres/connection.hpp"

namespace ratebook::postgres {

class Pool {
 public:
  Pool(std::string conninfo, std::size_t connections_max, const PostgresOptions& options, const Runtime& runtime)
      : conninfo_(std::move(conninfo)), connections_max_(connections_max), options_(options), runtime_(runtime) {}

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

  /// Waits for a free one, as long as for an answer, or until `deadline`, by which a new one must stand, too.
  /// Failure::unavailable: all are in use for so long, or none can be made.
  Result<Lease> lease(std::optional<BootTime> deadline = std::nullopt);
  std::size_t in_use() const;

 private:
  void take_back(Connection connection);

  const std::string conninfo_;
  const std::size_t connections_max_;
  const PostgresOptions& options_;
  const Runtime& runtime_;
  mutable std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<Connection> idle_;  ///< guarded by mutex_, as are those in use
  std::size_t in_use_ = 0;
  /// The server that the next connection is tried with. One that gave no answer is not the first again: it may take
  /// connections, and be a primary that does not know of its fall.
  std::size_t first_ = 0;
};

}  // namespace ratebook::postgres
