// `ratebook rates`: what a route costs, as a table and a small chart, or as the server's own JSON or CSV.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "cli/chart.hpp"
#include "cli/exit_code.hpp"
#include "cli/report.hpp"
#include "cli/table.hpp"
#include "cli/words.hpp"
#include "client/answers.hpp"
#include "client/url.hpp"
#include "model/day.hpp"

namespace ratebook::cli {
namespace {

constexpr std::int32_t shown_days = 31;
constexpr std::int32_t queried_days_max = 3'660;  // the server's limit
constexpr std::int32_t future_days = 365;
constexpr unsigned chart_columns_max = 100;

struct Window {
  Day from;
  Day to;
};

Day today() {
  const auto now = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  return Day{static_cast<std::int32_t>(now.time_since_epoch().count())};
}

Day shifted(Day day, std::int32_t days) {
  return Day{std::clamp(day.since_1970 + days, day_min.since_1970, day_max.since_1970)};
}

client::Request ask_for(const RatesOptions& options, const Window& window, const std::string& stats, bool csv) {
  std::vector<std::pair<std::string, std::string>> parameters{{"origin", options.origin},
                                                              {"destination", options.destination},
                                                              {"date_from", format_day(window.from)},
                                                              {"date_to", format_day(window.to)}};
  if (!stats.empty()) parameters.emplace_back("stats", stats);
  if (options.min_count) parameters.emplace_back("min_count", fmt::format("{}", *options.min_count));
  if (options.version) parameters.emplace_back("version", fmt::format("{}", *options.version));
  client::Request request;
  request.target = client::target("/v1/rates", parameters);
  request.headers.emplace_back("Accept", csv ? "text/csv" : "application/json");
  return request;
}

/// The window that the options name; nullopt: none, so that the newest days are meant.
Result<std::optional<Window>> window_of(const RatesOptions& options) {
  if (options.from.empty() && options.to.empty()) return std::nullopt;
  const auto from = parse_day(options.from);
  const auto to = parse_day(options.to);
  for (const auto& [text, day] : {std::pair{options.from, from}, std::pair{options.to, to}}) {
    if (!text.empty() && !day) {
      return fail(Failure::conflict,
                  fmt::format("'{}' is no day from 1970-01-01 to 2149-12-31; write YYYY-MM-DD", text));
    }
  }
  const Window window{from.value_or(shifted(to.value_or(day_min), 1 - shown_days)),
                      to.value_or(shifted(from.value_or(day_min), shown_days - 1))};
  if (window.from > window.to) {
    return fail(Failure::conflict, fmt::format("--from {} lies after --to {}", options.from, options.to));
  }
  return window;
}

std::string table_of(const client::Rates& rates, const Console& console) {
  std::vector<Table::Column> columns{{"day"}};
  for (const auto& name : rates.statistics) columns.push_back({printable(name), true});
  Table table{std::move(columns)};
  for (const auto& day : rates.days) {
    std::vector<Cell> row{{day.day}};
    for (std::size_t i = 0; i < day.values.size(); ++i) {
      const bool is_count = rates.statistics[i] == "count";
      row.push_back(day.values[i] ? Cell{grouped(*day.values[i], is_count ? 0 : 2)} : Cell{"-", Style::dim});
    }
    table.add(std::move(row));
  }
  return table.text(console);
}

/// Of the average, or of the first statistic that was asked for instead; nothing where fewer than two days have it.
std::string chart_of(const client::Rates& rates, std::string_view route, const Console& console) {
  auto drawn = std::ranges::find(rates.statistics, "avg");
  if (drawn == rates.statistics.end())
    drawn = std::ranges::find_if(rates.statistics, [](auto& s) { return s != "count"; });
  if (drawn == rates.statistics.end()) return {};
  const auto column = static_cast<std::size_t>(drawn - rates.statistics.begin());
  std::vector<ChartPoint> points;
  for (const auto& day : rates.days) {
    const auto date = parse_any_day(day.day);
    if (date && day.values[column]) points.push_back({*date, *day.values[column]});
  }
  if (points.size() < 2) return {};
  const unsigned width = std::min(console.width - 1, chart_columns_max);
  return fmt::format("\n{}\n{}", styled(console, Style::dim, printable(fmt::format("{} {}", *drawn, route))),
                     styled(console, Style::cyan, render_chart(points, {.width = width, .unicode = console.unicode})));
}

// The chart comes last: it is the summary, and the end is what a terminal shows of a long answer.
void print_people(const client::Rates& rates, const RatesOptions& options, const Console& console) {
  const std::string route = fmt::format("{} {} {}", rates.origin, console.unicode ? "→" : "->", rates.destination);
  console.out(fmt::format("{}  {}  version {}\n\n", styled(console, Style::bold, printable(route)),
                          printable(rates.currency), rates.version));
  console.out(table_of(rates, console));
  const bool wants_chart = options.chart == "always" || (options.chart == "auto" && console.out_is_terminal);
  if (wants_chart) console.out(chart_of(rates, route, console));
}

class RatesCall {
 public:
  RatesCall(const RatesOptions& options, const Console& console, client::Client client)
      : options_(options), console_(console), client_(std::move(client)) {}

  int run() {
    auto window = window_of(options_);
    if (!window) {
      say_error(console_, window.error().message);
      return exit_usage;
    }
    if (!*window) {
      if (const auto code = find_newest(**&window); code) return *code;
    }
    return answer(window->value());
  }

 private:
  /// The newest days with prices. An exit code where that is not to be had.
  std::optional<int> find_newest(std::optional<Window>& window) {
    Window wide{Day{}, shifted(today(), future_days)};
    wide.from = shifted(wide.to, 1 - queried_days_max);
    const auto answer = client_.send(ask_for(options_, wide, "count", false));
    if (!answer) return report_fault(console_, answer.error());
    if (answer->status != 200) return refused(*answer);
    const auto rates = client::parse_rates(answer->body);
    if (!rates) return report_fault(console_, rates.error());
    const auto newest = rates->days.empty() ? std::nullopt : parse_day(rates->days.back().day);
    if (newest) {
      window = Window{shifted(*newest, 1 - shown_days), *newest};
    } else {
      window = wide;  // the server's empty answer says so in every format
    }
    return std::nullopt;
  }

  int answer(const Window& window) {
    const bool for_people = !options_.json && !options_.csv;
    const std::string stats = options_.stats.empty() && for_people ? "avg,min,p50,max,count" : options_.stats;
    const auto answer = client_.send(ask_for(options_, window, stats, options_.csv));
    if (!answer) return report_fault(console_, answer.error());
    if (answer->status != 200) return refused(*answer);
    if (!for_people) {
      pass_through(console_, answer->body);
      return exit_ok;
    }
    const auto rates = client::parse_rates(answer->body);
    if (!rates) return report_fault(console_, rates.error());
    if (rates->days.empty()) {
      console_.err(fmt::format("no prices from {} to {} in version {}\n", format_day(window.from),
                               format_day(window.to), rates->version));
      return exit_ok;
    }
    print_people(*rates, options_, console_);
    return exit_ok;
  }

  int refused(const client::Answer& answer) {
    if (options_.json) pass_through(console_, answer.body);
    return report_refusal(console_, answer, {});
  }

  const RatesOptions& options_;
  const Console& console_;
  client::Client client_;
};

}  // namespace

int rates(const RatesOptions& options, const Console& console) {
  auto client = connect_to(options.server, console, question_timeouts);
  if (!client) return exit_usage;
  return RatesCall{options, console, *std::move(client)}.run();
}

}  // namespace ratebook::cli
