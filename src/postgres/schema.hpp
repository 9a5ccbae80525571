// The tables, and how they came to be: migrations run by one node at a time, each such that the program before can live
// with what it leaves.
#pragma once
#include "postgres/connection.hpp"

namespace ratebook::postgres {

/// Makes what is missing, in one transaction, while other nodes wait; where nothing is, with `partitions` partitions of
/// the log. Failure::refused: the tables are of a program so new that this one must not touch them.
Result<void> migrate(Connection& connection, std::uint32_t partitions);

}  // namespace ratebook::postgres
