// A request that keeps its own bytes, for handlers that run after the read buffer has moved on.
#pragma once
#include <memory>
#include <string_view>

#include "http/http.hpp"

namespace ratebook::http {

/// A copy of `request`, whose views lie in `head` (or are its remote and its id), with all its bytes in one block.
std::shared_ptr<const Request> own(const Request& request, std::string_view head);

}  // namespace ratebook::http
