#include "api/log_doubt.hpp"

#include "log/standing.hpp"
#include "model/digest.hpp"

namespace ratebook::api {

std::optional<Problem> another_log(log::Log& log, const std::string& source) {
  const log::Standing* standing = log.standing();
  if (standing == nullptr) return std::nullopt;
  const auto why = standing->other(partition_of(source, log.partition_count()));
  if (!why) return std::nullopt;
  return Problem{problems::not_accepted, "send it again when the operator has mended this: " + *why, {}, {}};
}

std::optional<std::string> why_not_accepting(log::Log& log) {
  const log::Standing* standing = log.standing();
  return standing == nullptr ? std::nullopt : standing->first_doubt();
}

}  // namespace ratebook::api
