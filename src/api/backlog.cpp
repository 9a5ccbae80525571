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

Waiting sum(const Waiting& left, const Waiting& right) { return {left.count + right.count, left.bytes + right.bytes}; }

Problem still_waiting(ProblemKind kind, std::string_view whose, const Waiting& waiting) {
  return {
      kind,
      fmt::format("{} batches and retractions of {} ({} bytes) are accepted, or about to be, and not yet committed; "
                  "send it again later",
                  waiting.count, whose, waiting.bytes),
      {},
      {}};
}

}  // namespace

std::expected<std::unique_ptr<Backlog::Place>, Problem> Backlog::enter(const std::string& source, std::uint64_t bytes) {
  const std::lock_guard lock{mutex_};
  if (auto problem = full(source, bytes)) return std::unexpected(*std::move(problem));
  Waiting& mine = coming_[source];
  mine = sum(mine, {1, bytes});
  all_coming_ = sum(all_coming_, {1, bytes});
  return std::make_unique<Place>(*this, source, bytes);
}

std::optional<Problem> Backlog::too_much(const std::string& source) const {
  const std::lock_guard lock{mutex_};
  return full(source, 0);
}

std::optional<Problem> Backlog::full(const std::string& source, std::uint64_t bytes) const {
  const auto coming = coming_.find(source);
  const Waiting mine = sum(outcomes_.waiting(source), coming == coming_.end() ? Waiting{} : coming->second);
  if (is_over(mine, bytes, {limits_.per_source_max, limits_.bytes_per_source_max})) {
    return still_waiting(problems::too_much_waiting, fmt::format("'{}'", source), mine);
  }
  const Waiting all = sum(outcomes_.waiting(), all_coming_);
  if (is_over(all, bytes, {limits_.all_max, limits_.bytes_max})) {
    return still_waiting(problems::overloaded, "all sources", all);
  }
  return std::nullopt;
}

void Backlog::leave(const std::string& source, std::uint64_t bytes) {
  const std::lock_guard lock{mutex_};
  const auto mine = coming_.find(source);
  mine->second.bytes -= bytes;
  if (--mine->second.count == 0) coming_.erase(mine);
  all_coming_.bytes -= bytes;
  --all_coming_.count;
}

}  // namespace ratebook::api
