#include "api/rate_text.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "json/writer.hpp"

namespace ratebook::api {
namespace {

// Days backwards as text: most steps change two characters.
class BackwardDays {
 public:
  explicit BackwardDays(Day day) : day_(day) { format_day(day_, text_.data()); }
  std::string_view text() const { return {text_.data(), text_.size()}; }
  Day day() const { return day_; }
  void step() {
    --day_.since_1970;
    if (text_[9] > '1' || (text_[9] == '1' && text_[8] != '0')) {
      --text_[9];
    } else if (text_[9] == '0') {
      text_[9] = '9';
      --text_[8];
    } else {
      format_day(day_, text_.data());
    }
  }

 private:
  Day day_;
  std::array<char, 10> text_{};
};

void append_cents(std::string& out, double cents) { json::append_number(out, cents / 100.0); }

void append_value(std::string& out, const book::DayRate& rate, const Statistic& statistic) {
  switch (statistic.kind) {
    case Statistic::Kind::average:
      return json::append_number(out, rate.average());
    case Statistic::Kind::minimum:
      return append_cents(out, rate.min.value);
    case Statistic::Kind::maximum:
      return append_cents(out, rate.max.value);
    case Statistic::Kind::percentile:
      return append_cents(out, rate.percentiles[statistic.percentile]);
  }
}

// 0..1 of `p20`, `p99.9`: no leading zeros, at most three decimals.
std::optional<double> parse_percentile(std::string_view name) {
  if (name.size() < 2 || name.front() != 'p') return std::nullopt;
  const auto text = name.substr(1);
  const auto point = text.find('.');
  const auto whole = text.substr(0, point);
  const auto decimals = point == std::string_view::npos ? std::string_view{} : text.substr(point + 1);
  const auto all_digits = [](std::string_view digits) {
    return std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  };
  if (whole.empty() || whole.size() > 3 || (whole.size() > 1 && whole.front() == '0')) return std::nullopt;
  if (!all_digits(whole) || !all_digits(decimals) || decimals.size() > 3) return std::nullopt;
  if (point != std::string_view::npos && decimals.empty()) return std::nullopt;
  // Thousandths of a percent as an integer: one division, one rounding.
  std::uint32_t thousandths = 0;
  for (const char c : whole) thousandths = thousandths * 10 + static_cast<unsigned>(c - '0');
  for (std::size_t i = 0; i < 3; ++i) {
    thousandths = thousandths * 10 + (i < decimals.size() ? static_cast<unsigned>(decimals[i] - '0') : 0);
  }
  if (thousandths > 100'000) return std::nullopt;
  return static_cast<double>(thousandths) / 100'000.0;
}

}  // namespace

void append_day(std::string& out, Day day) {
  std::array<char, 10> text;
  format_day(day, text.data());
  out.append(text.data(), text.size());
}

void append_existing_rates(std::string& out, std::span<const book::DayRate> rates, Day from, Day to) {
  out += "{\"rates\":[";
  auto rate = rates.rbegin();
  const std::size_t day_count = to < from ? 0 : static_cast<std::size_t>(to.since_1970 - from.since_1970) + 1;
  out.reserve(out.size() + day_count * 60 + 8);
  BackwardDays day{day_count > 0 ? to : day_min};
  for (std::size_t i = 0; i < day_count; ++i) {
    const bool has_prices = rate != rates.rend() && rate->day == day.day();
    out += i == 0 ? "{\"count\":" : ",{\"count\":";
    has_prices ? json::append_number(out, rate->count) : void(out += "null");
    out += ",\"day\":\"";
    out += day.text();
    out += "\",\"price\":";
    has_prices && rate->count >= existing_count_min ? json::append_number(out, rate->average()) : void(out += "null");
    out += '}';
    if (has_prices) ++rate;
    if (i + 1 < day_count) day.step();
  }
  out += "]}";
}

std::optional<Statistics> parse_statistics(std::string_view text) {
  Statistics statistics;
  std::vector<std::string_view> seen;
  for (bool more = true; more;) {
    const auto comma = text.find(',');
    const auto name = text.substr(0, comma);
    more = comma != std::string_view::npos;
    if (more) text.remove_prefix(comma + 1);
    if (std::ranges::find(seen, name) != seen.end() || seen.size() == statistics_max) return std::nullopt;
    seen.push_back(name);
    if (name == "count") continue;
    Statistic statistic{.name = std::string{name}};
    if (name == "min" || name == "max") {
      statistic.kind = name == "min" ? Statistic::Kind::minimum : Statistic::Kind::maximum;
      statistics.extremes = true;
    } else if (const auto percentile = parse_percentile(name)) {
      statistic.kind = Statistic::Kind::percentile;
      statistic.percentile = statistics.percentiles.size();
      statistics.percentiles.push_back(*percentile);
    } else if (name != "avg") {
      return std::nullopt;
    }
    statistics.shown.push_back(std::move(statistic));
  }
  return statistics;
}

void append_rates_json(std::string& out, std::span<const book::DayRate> rates, const Statistics& statistics,
                       std::uint64_t min_count) {
  bool first = true;
  for (const auto& rate : rates) {
    out += first ? "{\"day\":\"" : ",{\"day\":\"";
    first = false;
    append_day(out, rate.day);
    out += "\",\"count\":";
    json::append_number(out, rate.count);
    for (const auto& statistic : statistics.shown) {
      out += ",\"";
      out += statistic.name;
      out += "\":";
      rate.count < min_count ? void(out += "null") : append_value(out, rate, statistic);
    }
    out += '}';
  }
}

void append_rates_csv(std::string& out, std::span<const book::DayRate> rates, const Statistics& statistics,
                      std::uint64_t min_count) {
  out += "day,count";
  for (const auto& statistic : statistics.shown) {
    out += ',';
    out += statistic.name;
  }
  out += "\r\n";
  for (const auto& rate : rates) {
    append_day(out, rate.day);
    out += ',';
    json::append_number(out, rate.count);
    for (const auto& statistic : statistics.shown) {
      out += ',';
      if (rate.count >= min_count) append_value(out, rate, statistic);
    }
    out += "\r\n";
  }
}

}  // namespace ratebook::api
