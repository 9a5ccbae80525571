#include "api/log_doubt.hpp"

#include "model/digest.hpp"

namespace ratebook::api {

std::optional<Problem> another_log(log::Log& log, const std::string& source) {
  const log::Standing* standing = log.standing();
  if (standing == nullptr) return std::nullopt;
  const auto why = standing->other(partition_of(source, log.partition_count()));
  if (!why) return std::nullopt;
  return Problem{problems::not_accepted, "send it again when the operator has mended this: " + *why, {}, {}};
}

LogSince::LogSince(log::Log& log, const std::string& source)
    : standing_(log.standing()), partition_(partition_of(source, log.partition_count())) {
  if (standing_ != nullptr) start_ = standing_->begin_look(partition_);
}

std::optional<std::string> LogSince::doubt() const {
  return standing_ == nullptr ? std::nullopt : standing_->doubt_since(partition_, start_);
}

std::optional<std::string> why_not_accepting(log::Log& log) {
  const log::Standing* standing = log.standing();
  return standing == nullptr ? std::nullopt : standing->first_doubt();
}

}  // namespace ratebook::api
