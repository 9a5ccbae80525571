#include "api/backlog.hpp"

#include <fmt/format.h>

namespace ratebook::api {
namespace {

struct Bound {
  std::size_t count = 0;
  std::uint64_t bytes = 0;
};

bool is_over(const Waiting& waiting, std::uint64_t bytes, Bound most) {
  return waiting.count >= most.count || (waiting.bytes > 0 && waiting.bytes + bytes > most.bytes);
}

Problem still_waiting(ProblemKind kind, std::string_view whose, const Waiting& waiting) {
  return {kind,
          fmt::format("{} batches and retractions of {} ({} bytes) are accepted and not yet committed; send it again "
                      "later",
                      waiting.count, whose, waiting.bytes),
          {},
          {}};
}

}  // namespace

std::optional<Problem> too_much_waiting(const Service& service, const std::string& source, std::uint64_t bytes) {
  const Limits& limits = service.limits;
  const Waiting mine = service.outcomes.waiting(source);
  if (is_over(mine, bytes, {limits.accepted_per_source_max, limits.accepted_bytes_per_source_max})) {
    return still_waiting(problems::too_much_waiting, fmt::format("'{}'", source), mine);
  }
  const Waiting all = service.outcomes.waiting();
  if (is_over(all, bytes, {limits.accepted_max, limits.accepted_bytes_max})) {
    return still_waiting(problems::overloaded, "all sources", all);
  }
  return std::nullopt;
}

}  // namespace ratebook::api
