#include "postgres/pool.hpp"

#include <fmt/format.h>

namespace ratebook::postgres {

Result<Pool::Lease> Pool::lease(BootTime free_by, BootTime open_by) {
  {
    std::unique_lock lock{mutex_};
    if (!await_turn(lock, free_by)) {
      return fail(Failure::full, fmt::format("all {} connections to PostgreSQL for {} are in use ({})",
                                             connections_max_, purpose_.work, purpose_.setting));
    }
    while (!idle_.empty()) {
      Connection connection = std::move(idle_.back());
      idle_.pop_back();
      // Of a server that was silent to others it is not worth the wait.
      if (connection.server() == servers_.first() && connection.is_alive()) return Lease{*this, std::move(connection)};
    }
  }
  auto connection = Connection::open(conninfo_, options_, runtime_, open_by, servers_.first());
  if (connection) {
    servers_.took(connection->server());
    return Lease{*this, *std::move(connection)};
  }
  const std::lock_guard lock{mutex_};
  pass_on();
  return std::unexpected(connection.error());
}

bool Pool::await_turn(std::unique_lock<std::mutex>& lock, BootTime free_by) {
  if (in_use_ < connections_max_) {
    ++in_use_;
    return true;
  }
  Waiter self;
  const auto place = waiting_.insert(waiting_.end(), &self);
  const Duration at_most = free_by - runtime_.boot_time();
  if (self.served.wait_for(lock, at_most, [&self] { return self.is_served; })) return true;
  waiting_.erase(place);
  return false;
}

void Pool::pass_on() {
  if (waiting_.empty()) {
    --in_use_;
    return;
  }
  Waiter& next = *waiting_.front();
  waiting_.pop_front();
  next.is_served = true;
  // Under the lock: once it is released, the waiter may be gone.
  next.served.notify_one();
}

void Pool::take_back(Connection connection) {
  const std::lock_guard lock{mutex_};
  if (connection.is_usable()) {
    idle_.push_back(std::move(connection));
  } else {
    // The server has gone, or a fail-over has come: what lies here is most probably broken, too.
    idle_.clear();
    servers_.failed(connection.server());
  }
  pass_on();
}

std::size_t Pool::in_use() const {
  const std::lock_guard lock{mutex_};
  return in_use_;
}

std::size_t Pool::waiting() const {
  const std::lock_guard lock{mutex_};
  return waiting_.size();
}

}  // namespace ratebook::postgres
