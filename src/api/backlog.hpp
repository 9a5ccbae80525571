// The bound on what is accepted and not yet decided: batches and retractions, of each source and in all.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "api/problems.hpp"
#include "api/service.hpp"

namespace ratebook::api {

/// Why a record of this source with so many bytes of prices, packed, must wait until others are decided: 429, or 503
/// where all sources together have too much. A batch that is larger than its bound goes in alone.
std::optional<Problem> too_much_waiting(const Service& service, const std::string& source, std::uint64_t bytes = 0);

}  // namespace ratebook::api
