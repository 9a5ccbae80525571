// `ratebook compare`: asks this server and the existing service the same random questions, and shows where they differ.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

#include "cli/exit_code.hpp"
#include "cli/questions.hpp"
#include "cli/report.hpp"
#include "cli/words.hpp"
#include "client/answers.hpp"
#include "client/url.hpp"
#include "json/writer.hpp"

namespace ratebook::cli {
namespace {

constexpr std::size_t root_pairs_max = 100;
constexpr std::int32_t searched_days = 3'660;  // the server's limit
constexpr std::int32_t compared_future_days = 365;

struct Difference {
  std::string question;  ///< path and query
  std::string what;
};

/// Empty: they agree. Averages may differ by rounding alone.
std::string difference(const client::ExistingRates& ours, const client::ExistingRates& theirs, double tolerance) {
  const auto count = [](const std::optional<std::uint64_t>& n) { return n ? fmt::format("{}", *n) : "null"; };
  const auto price = [](const client::Value& value) { return value ? fmt::format("{}", *value) : "null"; };
  const std::size_t days = std::min(ours.size(), theirs.size());
  for (std::size_t i = 0; i < days; ++i) {
    if (ours[i].day != theirs[i].day) {
      return fmt::format("day {} here is {} there: a day is missing or out of order", ours[i].day, theirs[i].day);
    }
    if (ours[i].count != theirs[i].count) {
      return fmt::format("{}: count {} here, {} there", ours[i].day, count(ours[i].count), count(theirs[i].count));
    }
    const bool same = ours[i].price && theirs[i].price
                          ? std::abs(*ours[i].price - *theirs[i].price) <= tolerance * std::abs(*theirs[i].price)
                          : ours[i].price.has_value() == theirs[i].price.has_value();
    if (!same) {
      return fmt::format("{}: price {} here, {} there", ours[i].day, price(ours[i].price), price(theirs[i].price));
    }
  }
  if (ours.size() == theirs.size()) return {};
  return fmt::format("{} days here, {} there", ours.size(), theirs.size());
}

class Comparison {
 public:
  Comparison(const CompareOptions& options, client::Client ours, client::Client theirs)
      : options_(options), ours_(std::move(ours)), theirs_(std::move(theirs)) {}

  /// Our places, and the days that have prices here.
  Result<QuestionScope> scope() {
    client::Request request;
    request.target = "/v1/places";
    const auto answer = ask(ours_, request, 200);
    if (!answer) return std::unexpected(answer.error());
    const auto places = client::parse_places(answer->body);
    if (!places) return std::unexpected(places.error());
    QuestionScope scope;
    for (const auto& port : places->ports) scope.ports.push_back(port.code);
    for (const auto& region : places->regions) scope.regions.push_back(region.slug);
    if (scope.ports.empty()) return fail(Failure::not_found, "the server has no places; bring the data in first");
    const auto from = parse_day(options_.from);
    const auto to = parse_day(options_.to);
    if (from && to) {
      scope.from = *from;
      scope.to = *to;
    } else if (const auto found = find_days(*places, scope); !found) {
      return std::unexpected(found.error());
    }
    return scope;
  }

  Result<std::string> compare(const std::string& question) {
    client::Request request;
    request.target = question;
    const auto ours = ask(ours_, request);
    if (!ours) return std::unexpected(ours.error());
    const auto theirs = ask(theirs_, request);
    if (!theirs) return std::unexpected(theirs.error());
    if (ours->status != theirs->status) return fmt::format("status {} here, {} there", ours->status, theirs->status);
    if (ours->status != 200) return "";
    const auto our_rates = client::parse_existing_rates(ours->body);
    if (!our_rates) return "here: " + our_rates.error().message;
    const auto their_rates = client::parse_existing_rates(theirs->body);
    if (!their_rates) return "there: " + their_rates.error().message;
    return difference(*our_rates, *their_rates, options_.tolerance);
  }

 private:
  static Result<client::Answer> ask(client::Client& client, const client::Request& request,
                                    std::optional<unsigned> status = std::nullopt) {
    auto answer = client.send(request);
    if (answer && (answer->status >= 500 || (status && answer->status != *status))) {
      return fail(Failure::unavailable,
                  fmt::format("{} answered {} to {}", client.server().authority(), answer->status, request.target));
    }
    return answer;
  }

  /// From all regions without a parent to each other: that is everything.
  Result<void> find_days(const PlacesDocument& places, QuestionScope& scope) {
    std::vector<std::string> roots;
    for (const auto& region : places.regions) {
      if (region.parent_slug.empty()) roots.push_back(region.slug);
    }
    const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()).time_since_epoch();
    const std::int32_t last = static_cast<std::int32_t>(today.count()) + compared_future_days;
    std::optional<std::pair<std::string, std::string>> days;
    for (std::size_t pair = 0; pair < std::min(root_pairs_max, roots.size() * roots.size()); ++pair) {
      client::Request request;
      request.target = client::target("/v1/rates", {{"origin", roots[pair / roots.size()]},
                                                    {"destination", roots[pair % roots.size()]},
                                                    {"date_from", format_day(Day{last - searched_days + 1})},
                                                    {"date_to", format_day(Day{last})},
                                                    {"stats", "count"}});
      const auto answer = ask(ours_, request, 200);
      if (!answer) return std::unexpected(answer.error());
      const auto rates = client::parse_rates(answer->body);
      if (!rates) return std::unexpected(rates.error());
      if (rates->days.empty()) continue;
      const auto& first_day = rates->days.front().day;
      const auto& last_day = rates->days.back().day;
      days = days ? std::pair{std::min(days->first, first_day), std::max(days->second, last_day)}
                  : std::pair{first_day, last_day};
    }
    const auto from = days ? parse_day(days->first) : std::nullopt;
    const auto to = days ? parse_day(days->second) : std::nullopt;
    if (!from || !to) {
      return fail(Failure::not_found,
                  "the server has no prices of the last ten years: name the days with --from and --to");
    }
    scope.from = *from;
    scope.to = *to;
    return {};
  }

  const CompareOptions& options_;
  client::Client ours_;
  client::Client theirs_;
};

std::string as_json(std::size_t asked, std::uint64_t seed, const std::vector<Difference>& differences) {
  std::string text;
  {
    json::Object object{text};
    object.number("asked", asked);
    object.number("seed", seed);
    object.number("different", differences.size());
    json::append_objects(object.member("differences"), differences,
                         [](json::Object& one, const Difference& difference) {
                           one.text("question", difference.question);
                           one.text("what", difference.what);
                         });
  }
  return text + '\n';
}

int report(const Console& console, const Fault& fault) {
  if (fault.failure == Failure::refused || fault.failure == Failure::unknown) return report_fault(console, fault);
  say_error(console, fault.message);
  return fault.failure == Failure::not_found ? exit_refused : exit_unavailable;
}

}  // namespace

int compare(const CompareOptions& options, const Console& console) {
  auto ours = connect_to(options.server, console, question_timeouts);
  if (!ours) return exit_usage;
  auto url = client::parse_url(options.url);  // what this server trusts us with is not for another
  if (!url) {
    say_error(console, url.error().message);
    return exit_usage;
  }
  const std::uint64_t seed = options.seed.value_or(std::random_device{}());
  Comparison comparison{options, *std::move(ours), client::Client{*std::move(url), question_timeouts}};
  const auto scope = comparison.scope();
  if (!scope) return report(console, scope.error());
  std::vector<Difference> differences;
  for (const auto& question : make_questions(*scope, seed, options.routes)) {
    const std::string target = client::target("/rates", question);
    const auto what = comparison.compare(target);
    if (!what) return report(console, what.error());
    if (what->empty()) continue;
    differences.push_back({target, *what});
    if (!options.json) console.out(printable(fmt::format("{}  {}", target, *what)) + '\n');
  }
  if (options.json) console.out(as_json(options.routes, seed, differences));
  console.err(fmt::format("{} questions asked (seed {}), {} answered differently\n", grouped(options.routes), seed,
                          grouped(differences.size())));
  return differences.empty() ? exit_ok : exit_refused;
}

}  // namespace ratebook::cli
