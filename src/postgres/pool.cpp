#include "postgres/pool.hpp"

namespace ratebook::postgres {

Result<Pool::Lease> Pool::lease(std::optional<BootTime> deadline) {
  std::size_t first = 0;
  const Duration at_most = deadline ? *deadline - runtime_.boot_time() : options_.answer_time;
  {
    std::unique_lock lock{mutex_};
    if (!freed_.wait_for(lock, at_most, [this] { return in_use_ < connections_max_; })) {
      return fail(Failure::unavailable, "all connections to PostgreSQL are in use");
    }
    ++in_use_;
    while (!idle_.empty()) {
      Connection connection = std::move(idle_.back());
      idle_.pop_back();
      if (connection.is_alive()) return Lease{*this, std::move(connection)};
    }
    first = first_;
  }
  auto connection = Connection::open(conninfo_, options_, runtime_, deadline.value_or(BootTime::max()), first);
  if (connection) return Lease{*this, *std::move(connection)};
  {
    const std::lock_guard lock{mutex_};
    --in_use_;
  }
  freed_.notify_one();
  return std::unexpected(connection.error());
}

void Pool::take_back(Connection connection) {
  {
    const std::lock_guard lock{mutex_};
    --in_use_;
    if (connection.is_usable()) {
      idle_.push_back(std::move(connection));
    } else {
      // The server has gone, or a fail-over has come: what lies here is most probably broken, too.
      idle_.clear();
      first_ = connection.server() + 1;
    }
  }
  freed_.notify_one();
}

std::size_t Pool::in_use() const {
  const std::lock_guard lock{mutex_};
  return in_use_;
}

}  // namespace ratebook::postgres
