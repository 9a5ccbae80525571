// Keeps out what a web page sends without its reader's knowing: a browser reaches servers that the page's author does
// not, and whoever needs no token is served by where it comes from alone.
//
//   a page whose own name was made to point here (DNS rebinding):   its requests carry that name as Host
//   a page of another origin that sends what changes something:     its requests carry its Origin
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/http.hpp"

namespace ratebook::http {

/// `rates.example.com,ratebook`, or `*`; may be empty.
bool is_host_list(std::string_view text);
/// `https://pages.example.com,http://localhost:3000`, or `*`; may be empty.
bool is_origin_list(std::string_view text);

class Pages {
 public:
  /// As ServerOptions has them.
  Pages(std::string_view hosts, std::string_view origins, bool any_host);

  /// Whether `host`, as a request names it, is this server: localhost, an address (a page that is called by one was
  /// served by it), or one of the names; with any port.
  bool is_ours(std::string_view host) const;
  /// The answer to a request for another server: 421.
  static Response wrong_host(std::string_view host);
  /// The answer to a request that a page of another origin than `host` sends: 403. nullopt: no page has sent it, one of
  /// this server has, or one that may.
  std::optional<Response> foreign(const Request& request, std::string_view host) const;

 private:
  bool may_send(std::string_view origin, std::string_view host) const;

  std::vector<std::string> hosts_, origins_;  ///< in lower case
  bool any_host_, any_origin_;
};

}  // namespace ratebook::http
