#include "client/url.hpp"

#include <fmt/format.h>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <cstdlib>

namespace ratebook::client {
namespace {

std::unexpected<Fault> refuse(std::string_view text, std::string_view why) {
  return fail(Failure::conflict, fmt::format("'{}' {}; write an address such as http://127.0.0.1:8080", text, why));
}

}  // namespace

std::string Url::authority() const {
  return host.contains(':') ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<Url> parse_url(std::string_view text) {
  const std::string whole = text.contains("://") ? std::string{text} : fmt::format("http://{}", text);
  const auto parsed = boost::urls::parse_uri(whole);
  if (parsed.has_error()) return refuse(text, "is no address of a server");
  const boost::urls::url_view url = parsed.value();
  const bool tls = url.scheme() == "https";
  if (!tls && url.scheme() != "http") return refuse(text, "does not begin with http:// or https://");
  if (url.has_userinfo() || url.has_query() || url.has_fragment()) return refuse(text, "has more than host and port");
  Url result{.host = url.host_address(),
             .port = std::string{url.port()},
             .prefix = std::string{url.encoded_path()},
             .tls = tls};
  if (result.host.empty()) return refuse(text, "names no host");
  if (result.port.empty()) result.port = tls ? "443" : "80";
  const auto port = url.has_port() && !url.port().empty() ? std::strtoul(result.port.c_str(), nullptr, 10) : 443;
  if (port < 1 || port > 65535) return refuse(text, "has no port from 1 to 65535");
  while (result.prefix.ends_with('/')) result.prefix.pop_back();
  return result;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const bool unreserved = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                            c == '.' || c == '_' || c == '~';
    if (unreserved) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += '%';
      encoded += digits[byte >> 4];
      encoded += digits[byte & 15];
    }
  }
  return encoded;
}

std::string target(std::string_view path, const std::vector<std::pair<std::string, std::string>>& parameters) {
  std::string result{path};
  char separator = '?';
  for (const auto& [name, value] : parameters) {
    result += separator;
    result += name;
    result += '=';
    result += percent_encode(value);
    separator = '&';
  }
  return result;
}

}  // namespace ratebook::client
