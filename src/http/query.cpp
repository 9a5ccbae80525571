// Query parameters by Boost.URL.
#include "http/query.hpp"

#include <boost/url/parse_query.hpp>

namespace ratebook::http {
namespace {

std::string decoded(boost::urls::pct_string_view text) {
  boost::urls::encoding_opts options;
  options.space_as_plus = true;
  return text.decode(options);
}

}  // namespace

std::expected<std::vector<std::pair<std::string, std::string>>, std::string> parse_query(std::string_view query) {
  const auto parsed = boost::urls::parse_query(boost::core::string_view{query.data(), query.size()});
  if (!parsed) return std::unexpected{"the query has a bad escape or a character that must be percent-encoded"};
  std::vector<std::pair<std::string, std::string>> parameters;
  parameters.reserve(parsed->size());
  for (const auto& parameter : *parsed) {
    if (parameter.key.empty() && !parameter.has_value) continue;  // `a=1&` and an empty query
    parameters.emplace_back(decoded(parameter.key), decoded(parameter.value));
  }
  return parameters;
}

}  // namespace ratebook::http
