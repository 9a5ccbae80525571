// Where a server is, as people write it, and targets with queries, as requests need them.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/error.hpp"

namespace ratebook::client {

struct Url {
  std::string host;    ///< a name or an address, IPv6 without brackets
  std::string port;    ///< decimal, 80 or 443 where none was given
  std::string prefix;  ///< a path before every target, such as `/ratebook`; empty, or begins with '/'
  bool tls = false;    ///< https

  /// As the Host header carries it: `127.0.0.1:8080`, `[::1]:8080`.
  std::string authority() const;
};

/// Reads `http[s]://HOST[:PORT][/PREFIX]`; `http://` may be left out. Failure::conflict says what is wrong with it.
Result<Url> parse_url(std::string_view text);

/// Percent-encodes all but RFC 3986's unreserved characters: fit for a path segment and a query's value.
std::string percent_encode(std::string_view text);

/// `path?name=value&…`, values encoded; only the path where there are no parameters.
std::string target(std::string_view path, const std::vector<std::pair<std::string, std::string>>& parameters);

}  // namespace ratebook::client
