// Finds the route for a method and a path.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "http/http.hpp"

namespace ratebook::http {

class Router {
 public:
  explicit Router(std::vector<Route> routes);

  struct Match {
    const Route* route = nullptr;  ///< null: no route
    std::string_view parameter;
    std::string allowed;  ///< without a route: the methods that the path has; empty: no such path
  };
  /// HEAD finds what GET finds, unless it has a route of its own. A pattern without `{…}` goes before one with it.
  Match find(std::string_view method, std::string_view path) const;

 private:
  struct Pattern {
    std::string prefix, suffix;  ///< around `{…}`; without one all is prefix
    bool has_parameter = false;
    std::vector<std::size_t> routes;

    bool matches(std::string_view path, std::string_view& parameter) const;
  };

  std::vector<Route> routes_;
  std::vector<Pattern> patterns_;  ///< those without a parameter first
};

}  // namespace ratebook::http
