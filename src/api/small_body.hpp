// A JSON body that is read whole before anything is done with it: bounded by itself, and by the memory of all such
// bodies.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "api/service.hpp"

namespace ratebook::api {

/// `body` lasts as long as the call.
using AnswerBody =
    std::function<void(std::shared_ptr<const http::Request> request, const std::string& body, http::Respond respond)>;

/// Refuses what the headers already say is wrong (not ready, not JSON, encoded, too large), and a body of more than
/// `bytes_max`; calls `answer` with all others.
http::Uploading reading_body(Service& service, std::size_t bytes_max, AnswerBody answer);

}  // namespace ratebook::api
