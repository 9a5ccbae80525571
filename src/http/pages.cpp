// Host and Origin are compared as texts: what is not written as browsers write it is nobody's.
#include "http/pages.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "http/text.hpp"

namespace ratebook::http {
namespace {

constexpr std::string_view any = "*";
constexpr std::size_t shown_bytes_max = 200;

std::string in_lower_case(std::string_view text) {
  std::string lowered{text};
  std::ranges::transform(lowered, lowered.begin(), lower);
  return lowered;
}

std::vector<std::string> entries(std::string_view list) {
  std::vector<std::string> found;
  while (!list.empty()) {
    const auto entry = trim(cut(list, ','));
    if (!entry.empty()) found.push_back(in_lower_case(entry));
  }
  return found;
}

bool is_port(std::string_view text) {
  return text.size() <= 5 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// Without its port, if it has one. `[::1]:80` keeps its brackets.
std::string_view without_port(std::string_view host) {
  const auto colon = host.rfind(':');
  if (colon == std::string_view::npos || !is_port(host.substr(colon + 1))) return host;
  return host.substr(0, colon);
}

bool is_address(std::string_view name) {
  const bool bracketed = name.starts_with('[') && name.ends_with(']');
  const std::string text{bracketed ? name.substr(1, name.size() - 2) : name};
  in6_addr address;
  return ::inet_pton(bracketed ? AF_INET6 : AF_INET, text.c_str(), &address) == 1;
}

bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '_' || c == '.';
  });
}

struct Origin {
  std::string scheme, host;  ///< in lower case; host with its port, unless it is the scheme's own
};

std::string without_default_port(std::string_view host, std::string_view scheme) {
  const std::string_view port = scheme == "https" ? ":443" : ":80";
  if (host.ends_with(port)) host.remove_suffix(port.size());
  return in_lower_case(host);
}

/// `https://pages.example.com:8443`. nullopt: none, such as the `null` of a page that may not say where it is from.
std::optional<Origin> parse_origin(std::string_view text) {
  const auto slashes = text.find("://");
  if (slashes == std::string_view::npos) return std::nullopt;
  const auto scheme = in_lower_case(text.substr(0, slashes));
  const auto host = text.substr(slashes + 3);
  const auto name = without_port(host);
  if ((scheme != "http" && scheme != "https") || (!is_name(name) && !is_address(name))) return std::nullopt;
  return Origin{scheme, without_default_port(host, scheme)};
}

bool has(const std::vector<std::string>& list, std::string_view entry) {
  return std::ranges::find(list, entry) != list.end();
}

std::string text_of(const Origin& origin) { return origin.scheme + "://" + origin.host; }

}  // namespace

bool is_host_list(std::string_view text) {
  return std::ranges::all_of(entries(text), [](const auto& entry) { return entry == any || is_name(entry); });
}

bool is_origin_list(std::string_view text) {
  return std::ranges::all_of(entries(text),
                             [](const auto& entry) { return entry == any || parse_origin(entry).has_value(); });
}

Pages::Pages(std::string_view hosts, std::string_view origins, bool any_host) : hosts_(entries(hosts)) {
  for (const auto& entry : entries(origins)) {
    const auto origin = parse_origin(entry);
    origins_.push_back(origin ? text_of(*origin) : entry);
  }
  any_host_ = hosts_.empty() ? any_host : has(hosts_, any);
  any_origin_ = has(origins_, any);
}

bool Pages::is_ours(std::string_view host) const {
  if (any_host_) return true;
  auto name = without_port(host);
  if (is_address(name)) return true;
  if (name.ends_with('.')) name.remove_suffix(1);
  return equal_ignoring_case(name, "localhost") ||
         std::ranges::any_of(hosts_, [&](const auto& ours) { return equal_ignoring_case(name, ours); });
}

Response Pages::wrong_host(std::string_view host) {
  return problem(421, "wrong-host", "This server is not called so",
                 fmt::format("the request is for the host '{}'; use an address or localhost, or add that name to the "
                             "server's setting http.hosts",
                             host.substr(0, shown_bytes_max)));
}

std::optional<Response> Pages::foreign(const Request& request, std::string_view host) const {
  if (any_origin_) return std::nullopt;
  for (const auto& [name, origin] : request.headers_) {
    if (!equal_ignoring_case(name, "origin") || may_send(origin, host)) continue;
    return problem(403, "foreign-origin", "A page of another origin may not send this",
                   fmt::format("the request comes from a page of '{}', and its host is '{}'; add that origin to the "
                               "server's setting http.origins if its pages may change what is here",
                               origin.substr(0, shown_bytes_max), host.substr(0, shown_bytes_max)));
  }
  return std::nullopt;
}

bool Pages::may_send(std::string_view text, std::string_view host) const {
  const auto origin = parse_origin(text);
  if (!origin) return false;
  return origin->host == without_default_port(host, origin->scheme) || has(origins_, text_of(*origin));
}

}  // namespace ratebook::http
