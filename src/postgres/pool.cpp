#include "postgres/pool.hpp"

#include <fmt/format.h>

namespace ratebook::postgres {

Result<Pool::Lease> Pool::lease(BootTime free_by, BootTime open_by) {
  if (!places_.enter(free_by - runtime_.boot_time())) {
    return fail(Failure::full, fmt::format("all {} connections to PostgreSQL for {} are in use ({})", connections_max_,
                                           purpose_.work, purpose_.setting));
  }
  {
    const std::lock_guard lock{mutex_};
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
  places_.leave();
  return std::unexpected(connection.error());
}

void Pool::take_back(Connection connection) {
  {
    const std::lock_guard lock{mutex_};
    if (connection.is_usable()) {
      idle_.push_back(std::move(connection));
    } else {
      // The server has gone, or a fail-over has come: what lies here is most probably broken, too.
      idle_.clear();
      servers_.failed(connection.server());
    }
  }
  places_.leave();
}

}  // namespace ratebook::postgres
