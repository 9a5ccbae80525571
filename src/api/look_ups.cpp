#include "api/look_ups.hpp"

#include <utility>

namespace ratebook::api {
namespace {

std::unexpected<Problem> silent(std::string_view why) {
  return std::unexpected(Problem{problems::log_unavailable, "ask again in a moment: " + std::string{why}, {}, {}});
}

}  // namespace

LookUps::LookUps(log::Log& log, const Runtime& runtime, LookUpLimits limits)
    : log_(log), runtime_(runtime), limits_(limits), pool_(runtime, limits.threads, limits.waiting_max) {
  for (std::uint32_t i = 0; i < log.partition_count(); ++i) breakers_.emplace_back(limits.rest);
}

void LookUps::find(log::Place place, const std::string& id, std::function<void(Found)> done) {
  if (place.partition >= breakers_.size()) return done(std::nullopt);
  const BootTime asked = runtime_.boot_time();
  const bool taken = pool_.try_post([this, place, id, asked, done] {
    done(runtime_.boot_time() - asked > limits_.wait_max ? silent("others wait for it, too") : look(place, id));
  });
  if (!taken) done(silent("too many look-ups wait for it"));
}

LookUps::Found LookUps::look(log::Place place, const std::string& id) {
  Breaker& breaker = breakers_[place.partition];
  if (!breaker.lets_through(runtime_.boot_time())) return silent("it did not answer a moment ago");
  auto found = log::find_batch(log_, place, id);
  if (!found) {
    breaker.was_silent(runtime_.boot_time());
    return silent(found.error().message);
  }
  breaker.answered();
  return *std::move(found);
}

}  // namespace ratebook::api
