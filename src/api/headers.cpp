#include "api/headers.hpp"

#include <algorithm>

#include "api/query.hpp"
#include "json/writer.hpp"
#include "model/day.hpp"

namespace ratebook::api {
namespace {

constexpr std::int64_t ms_a_day = 86'400'000;

// format_time() without its allocations: this runs for every answer.
std::string time_text(WallTime time) {
  std::int64_t days = time / ms_a_day;
  std::int64_t rest = time % ms_a_day;
  if (rest < 0) {
    rest += ms_a_day;
    --days;
  }
  std::string text{"0000-00-00T00:00:00.000Z"};
  format_day(Day{static_cast<std::int32_t>(days)}, text.data());
  const auto put = [&](std::size_t end, std::int64_t value, int count) {
    for (; count > 0; --count, value /= 10) text[--end] = static_cast<char>('0' + value % 10);
  };
  put(13, rest / 3'600'000, 2);
  put(16, rest / 60'000 % 60, 2);
  put(19, rest / 1000 % 60, 2);
  put(23, rest % 1000, 3);
  return text;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The piece before the next `separator`, trimmed; `text` goes on behind it.
std::string_view next_piece(std::string_view& text, char separator) {
  const auto end = text.find(separator);
  const auto piece = trim(text.substr(0, end));
  text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  return piece;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_in_any_case(std::string_view left, std::string_view right) {
  return std::ranges::equal(left, right, {}, lower, lower);
}

}  // namespace

void add_view_headers(const View& view, http::Response& response) {
  auto& version = response.headers.emplace_back("Ratebook-Version", std::string{}).second;
  json::append_number(version, view.book->version());
  if (view.confirmed_at != 0) response.headers.emplace_back("Ratebook-Confirmed-At", time_text(view.confirmed_at));
}

std::string entity_tag(Version version, const Digest& chain) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string tag{'"'};
  json::append_number(tag, version);
  tag += '-';
  for (std::size_t i = 0; i < 4; ++i) {
    tag += digits[chain[i] >> 4];
    tag += digits[chain[i] & 15];
  }
  tag += '"';
  return tag;
}

bool names_tag(std::string_view list, std::string_view tag, Comparison comparison) {
  if (trim(list) == "*") return true;
  while (!list.empty()) {
    std::string_view one = next_piece(list, ',');
    if (comparison == Comparison::weak && one.starts_with("W/")) one.remove_prefix(2);
    if (one == tag) return true;
  }
  return false;
}

bool answer_not_modified(const http::Request& request, const std::string& tag, http::Response& response) {
  const auto list = request.header("If-None-Match");
  if (!list || !names_tag(*list, tag, Comparison::weak)) return false;
  response.status = 304;
  response.headers.emplace_back("ETag", tag);
  return true;
}

std::expected<Version, Problem> min_version(const http::Request& request) {
  const auto text = request.header("Ratebook-Min-Version");
  if (!text) return Version{0};
  const auto version = parse_number(*text);
  if (!version) {
    return std::unexpected(Problem{problems::bad_header,
                                   "Ratebook-Min-Version: write a version such as 44, as Ratebook-Version names it",
                                   {},
                                   {}});
  }
  return *version;
}

Duration preferred_wait(const http::Request& request, Duration otherwise, Duration at_most) {
  auto list = request.header("Prefer").value_or("");
  while (!list.empty()) {
    std::string_view preference = next_piece(list, ',');
    preference = next_piece(preference, ';');
    const auto name = next_piece(preference, '=');
    if (!equal_in_any_case(name, "wait")) continue;
    preference = trim(preference);
    if (preference.size() >= 2 && preference.front() == '"' && preference.back() == '"') {
      preference = preference.substr(1, preference.size() - 2);
    }
    const auto seconds = parse_number(preference);
    if (!seconds) return otherwise;
    // Compared before it becomes nanoseconds, which it might not fit.
    const auto most = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(at_most).count());
    return std::chrono::seconds{std::min(*seconds, most)};
  }
  return otherwise;
}

std::string joined_header(const http::Request& request, std::string_view name) {
  std::string joined;
  for (const auto& [one, value] : request.headers_) {
    if (!equal_in_any_case(one, name)) continue;
    if (!joined.empty()) joined += ", ";
    joined += trim(value);
  }
  return joined;
}

std::string lower_case(std::string_view text) {
  std::string result{text};
  std::ranges::transform(result, result.begin(), lower);
  return result;
}

std::string media_type(std::string_view content_type) { return lower_case(next_piece(content_type, ';')); }

}  // namespace ratebook::api
