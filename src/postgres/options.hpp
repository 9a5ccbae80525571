// How the store reaches PostgreSQL, and how long it waits for it.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "model/error.hpp"
#include "runtime/runtime.hpp"

namespace ratebook::postgres {

struct PostgresOptions {
  /// Connection strings of libpq (`host=… port=… dbname=… user=… sslmode=verify-full sslrootcert=…`), or its URLs.
  std::string primary;
  std::string replica;            ///< prices are read there, where it has got that far; empty: from the primary
  std::string password_file;      ///< its first line, read anew at each connection; empty: as libpq finds it
  std::uint32_t partitions = 12;  ///< of the log, kept where the store is made; later it is what stands there
  // Connections to the primary, each kind's own; two more listen and follow.
  std::size_t write_connections = 2;        ///< one publishes and claims, the others write first chunks; 2 or more
  std::size_t stage_connections = 2;        ///< for other chunks, those of large batches
  std::size_t question_connections = 1;     ///< for what clients ask, and changes of places
  std::size_t scan_connections = 1;         ///< for prices, which are read there where no replica has them
  std::size_t replica_connections = 2;      ///< to the replica, for prices
  std::size_t stage_rest_percent = 100;     ///< of what writing these took, for which the batch then rests
  std::size_t copied_prices_max = 200'000;  ///< kept from one COPY until it is whole; a chunk may have more
  Duration connect_time = std::chrono::seconds{2};    ///< until a connection stands
  Duration question_time = std::chrono::seconds{2};   ///< for an answer to a question: someone waits for it
  Duration answer_time = std::chrono::seconds{10};    ///< for an answer; past it the connection is closed
  Duration scan_time = std::chrono::minutes{10};      ///< for the prices of one piece of a scan
  Duration lock_time = std::chrono::seconds{5};       ///< for a lock, kept by the server: less than answer_time
  Duration poll_interval = std::chrono::seconds{1};   ///< between two looks for notifications lost, and for leftovers
  Duration tidy_interval = std::chrono::minutes{10};  ///< between two times that what nobody needs any more is deleted
  /// For so long an abandoned attempt is remembered (tidy.hpp).
  Duration void_keep = std::chrono::days{7};
  std::function<void(const Fault&)> report = [](const Fault&) {};  ///< told of failures that are tried again

  Duration copy_time() const { return 2 * answer_time; }  ///< for a chunk of prices on its way in
};

}  // namespace ratebook::postgres
