#include "api/uploads.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ratebook::api {

std::expected<std::unique_ptr<Uploads::Place>, Problem> Uploads::enter(std::string_view source) {
  const std::lock_guard lock{mutex_};
  if (count_ >= limits_.all_max) {
    return std::unexpected(Problem{
        problems::overloaded, fmt::format("{} batches are being received; send it again later", count_), {}, {}});
  }
  if (auto problem = full(source)) return std::unexpected(*std::move(problem));
  ++count_;
  ++of_source_[std::string{source}];
  return std::make_unique<Place>(*this, std::string{source});
}

std::size_t Uploads::count() const {
  const std::lock_guard lock{mutex_};
  return count_;
}

std::optional<Problem> Uploads::full(std::string_view source) const {
  const auto found = of_source_.find(source);
  const std::size_t count = found == of_source_.end() ? 0 : found->second;
  // A source may have as many as are then still free: a few busy sources leave places to all others (rule 22).
  const std::size_t free = limits_.all_max - std::min(count_, limits_.all_max);
  const std::size_t most =
      source.empty() ? limits_.unnamed_max : std::min(limits_.per_source_max, std::max<std::size_t>(free, 1));
  if (count < most) return std::nullopt;
  if (source.empty()) {
    return Problem{problems::overloaded,
                   "too many batches are being received that have not named their source yet; name it in the query: "
                   "?source=NAME",
                   {},
                   {}};
  }
  return Problem{problems::too_much_waiting,
                 fmt::format("{} batches of '{}' are being received; send one after the other", count, source),
                 {},
                 {}};
}

void Uploads::leave(const std::string& source) {
  const std::lock_guard lock{mutex_};
  --count_;
  const auto found = of_source_.find(source);
  if (--found->second == 0) of_source_.erase(found);
}

std::optional<Problem> Uploads::Place::name(std::string_view source) {
  if (!source_.empty()) return std::nullopt;
  {
    const std::lock_guard lock{uploads_->mutex_};
    // It takes no other place than the one that it has.
    --uploads_->count_;
    auto problem = uploads_->full(source);
    ++uploads_->count_;
    if (problem) return problem;
    ++uploads_->count_;  // leave() takes it off again, with the unnamed place
    ++uploads_->of_source_[std::string{source}];
  }
  uploads_->leave(source_);
  source_ = source;
  return std::nullopt;
}

}  // namespace ratebook::api
