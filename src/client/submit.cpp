#include "client/submit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <random>
#include <thread>

namespace ratebook::client {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds first_wait{250};
constexpr milliseconds longest_wait{8'000};
constexpr milliseconds first_look{25};
constexpr milliseconds longest_look{1'000};

/// Half of it sure, half of it chance.
milliseconds spread(milliseconds wait, double chance) {
  return milliseconds{static_cast<milliseconds::rep>(static_cast<double>(wait.count()) * (0.5 + 0.5 * chance))};
}

bool may_pass(unsigned status) { return status == 429 || status >= 500; }

/// Nothing: this outcome is final.
std::optional<Again> again_after(const Result<Answer>& outcome, milliseconds usual) {
  if (!outcome) {
    const bool connection = outcome.error().failure == Failure::refused || outcome.error().failure == Failure::unknown;
    if (!connection) return std::nullopt;
    return Again{outcome.error().message, usual};
  }
  if (!may_pass(outcome->status)) return std::nullopt;
  const auto problem = parse_problem(outcome->body, outcome->status);
  return Again{problem.detail.empty() ? problem.title : problem.detail,
               std::max(usual, retry_after(*outcome).value_or(usual))};
}

}  // namespace

Pace machine_pace() {
  return {
      .now =
          [] { return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now().time_since_epoch()); },
      .sleep = [](milliseconds time) { std::this_thread::sleep_for(time); },
      .chance = [] { return static_cast<double>(std::random_device{}() & 0xffff) / 65535.0; }};
}

std::optional<milliseconds> retry_after(const Answer& answer) {
  const auto text = answer.header("Retry-After");
  std::uint32_t seconds = 0;
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error != std::errc{} || end != text->data() + text->size()) return std::nullopt;
  return std::chrono::seconds{seconds};
}

Result<Answer> send_until_answered(Client& client, const std::function<Request()>& make, const Retries& retries,
                                   const Pace& pace) {
  std::optional<milliseconds> failed_first_at;
  for (milliseconds usual = first_wait;; usual = std::min(usual * 2, longest_wait)) {
    auto outcome = client.send(make());
    auto again = again_after(outcome, spread(usual, pace.chance()));
    if (!again) return outcome;
    const milliseconds now = pace.now();
    if (!failed_first_at) failed_first_at = now;
    if (now + again->wait > *failed_first_at + retries.time_max) return outcome;
    if (retries.before) retries.before(*again);
    pace.sleep(again->wait);
  }
}

Result<BatchAnswer> follow_batch(Client& client, std::string_view location, BatchAnswer before,
                                 std::string_view passing, const Follow& follow, const Pace& pace) {
  // An absolute Location names the server that we talk to: only its path counts.
  if (const auto scheme = location.find("://"); scheme != std::string_view::npos) {
    const auto path = location.find('/', scheme + 3);
    location = path == std::string_view::npos ? "/" : location.substr(path);
  }
  Request request;
  request.target = location;
  const milliseconds end = pace.now() + follow.time_max;
  for (milliseconds wait = first_look; before.status == passing; wait = std::min(wait * 2, longest_look)) {
    if (pace.now() + wait > end) return before;
    pace.sleep(wait);
    if (follow.waiting) follow.waiting();
    const auto answer = client.send(request);
    if (!answer || may_pass(answer->status) || answer->status == 404) continue;
    if (answer->status != 200) {
      const auto problem = parse_problem(answer->body, answer->status);
      return fail(Failure::damaged, fmt::format("asked for the batch: {}", problem.title));
    }
    auto batch = parse_batch(answer->body);
    if (!batch) return batch;
    before = std::move(*batch);
  }
  return before;
}

std::string fresh_key() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

}  // namespace ratebook::client
