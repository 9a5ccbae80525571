#include "model/day.hpp"

#include <array>
#include <chrono>

namespace ratebook {

std::optional<Day> parse_any_day(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t count) {
    int value = 0;
    for (std::size_t i = at; i < at + count; ++i) {
      if (text[i] < '0' || text[i] > '9') return -1;
      value = value * 10 + (text[i] - '0');
    }
    return value;
  };
  const int year = number(0, 4);
  const int month = number(5, 2);
  const int day = number(8, 2);
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > 31) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return std::nullopt;
  return Day{static_cast<std::int32_t>(std::chrono::sys_days{date}.time_since_epoch().count())};
}

std::optional<Day> parse_day(std::string_view text) {
  const auto day = parse_any_day(text);
  return day && *day >= day_min && *day <= day_max ? day : std::nullopt;
}

void format_day(Day day, char* out) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day.since_1970}}};
  auto digits = [](unsigned value, char* end, int count) {
    for (; count > 0; --count, value /= 10) *--end = static_cast<char>('0' + value % 10);
  };
  digits(static_cast<unsigned>(static_cast<int>(date.year())), out + 4, 4);
  out[4] = '-';
  digits(static_cast<unsigned>(date.month()), out + 7, 2);
  out[7] = '-';
  digits(static_cast<unsigned>(date.day()), out + 10, 2);
}

std::string format_day(Day day) {
  std::string text(10, '\0');
  format_day(day, text.data());
  return text;
}

}  // namespace ratebook
