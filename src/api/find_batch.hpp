// Where a batch stands: as this node remembers it, as the store has it, or as the log has it at the place that a
// Location names. In this order, and each asked on threads of its own kind.
#pragma once
#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "api/access.hpp"
#include "api/headers.hpp"
#include "api/query.hpp"
#include "api/service.hpp"

namespace ratebook::api {

/// The value of `at`, where there is one.
std::expected<std::optional<log::Place>, Problem> read_place_in_log(const Query& query);

/// As memory has it, without asking anyone: accepted by this node, and surely not decided by a version that `view`
/// shows.
std::optional<Batch> remembered(const Service& service, const std::string& id, const View& view);

using Found = std::expected<std::optional<Batch>, Problem>;

/// Called where one may wait for the store. `done` is called once, there or on a look-up's thread: it must not wait for
/// either. The log is read only for a caller who may see a batch of that partition.
void find_batch(Service& service, const std::string& id, const std::optional<log::Place>& place, const Caller& caller,
                std::function<void(Found)> done);

/// 404.
Problem no_such_batch(const std::string& id);

}  // namespace ratebook::api
