// Another store's whole history into an empty database: places, batches with their keys, versions with their chain.
#pragma once
#include <functional>

#include "postgres/options.hpp"
#include "store/store.hpp"

namespace ratebook::postgres {

struct Moved {
  store::Head head;
  std::uint64_t batches = 0;
  std::uint64_t prices = 0;
};
/// Called now and then: prices moved so far.
using MoveProgress = std::function<void(std::uint64_t prices)>;

/// Prices come first, invisible to all, then everything else in one transaction: either all is there, or nothing counts
/// and the next try begins anew. `from` must not change meanwhile. Failure::conflict: the database has a history of its
/// own, or this one already; Failure::unknown: all may be there, and the next try waits until that is known.
Result<Moved> move_in(store::Store& from, const PostgresOptions& options, const Runtime& runtime,
                      const MoveProgress& progress);

}  // namespace ratebook::postgres
