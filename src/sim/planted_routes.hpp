// Bugs planted around the endpoints of a simulated node.
#pragma once
#include <vector>

#include "http/http.hpp"
#include "sim/node.hpp"

namespace ratebook::sim {

/// The routes, or with a bug around them where one is planted.
std::vector<http::Route> planted_routes(const Ground& ground, store::Store& store, std::vector<http::Route> routes);

}  // namespace ratebook::sim
