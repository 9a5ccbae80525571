// Whether this node takes batches: only into a log that it knows to be the one that its store was written from (rule
// 23). Reads go on all the same.
#pragma once
#include <optional>
#include <string>

#include "api/problems.hpp"
#include "log/log.hpp"
#include "log/standing.hpp"

namespace ratebook::api {

/// Why nothing of `source` is taken, said before its body is read. A node that has not looked at the log yet is not
/// meant: that passes within the time that a body takes.
std::optional<Problem> another_log(log::Log& log, const std::string& source);

/// From before something of `source` is put into the log to its answer, which may come much later: what this node
/// learns of the log meanwhile counts.
class LogSince {
 public:
  LogSince(log::Log& log, const std::string& source);

  /// Why what was put may stand in another log; nullopt: this node knows of none.
  std::optional<std::string> doubt() const;

 private:
  const log::Standing* standing_;
  std::uint32_t partition_;
  log::Standing::Start start_;
};

/// Why this node does not take batches of all sources; nullopt: it does.
std::optional<std::string> why_not_accepting(log::Log& log);

}  // namespace ratebook::api
