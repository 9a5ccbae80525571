// What every GET that reads data does before and after its own part: it is refused while this node is not ready, waits
// for Ratebook-Min-Version, and names the version that it was answered from.
#pragma once
#include <functional>
#include <memory>
#include <optional>

#include "api/headers.hpp"
#include "api/service.hpp"

namespace ratebook::api {

/// Answers from `view`; may block for a bounded time.
using Answer = std::function<void(const http::Request&, const View&, http::Response&)>;
/// The same on a core's own thread: must not block. False: that would take too long, Answer is called instead,
/// elsewhere.
using QuickAnswer = std::function<bool(const http::Request&, const View&, http::Response&)>;

/// The version that a request asks for, where it asks for one.
using AskedVersion = std::function<std::optional<Version>(const http::Request&)>;

http::Handler reading(Service& service, Answer answer);
/// `asked` is waited for as Ratebook-Min-Version is, but not insisted on; where it is another than the one shown,
/// Answer is called where it may wait for the store.
http::Handler reading(Service& service, QuickAnswer quick, Answer answer, AskedVersion asked = nullptr);

/// A problem, with the headers that every answer carries.
void answer_with_view(const Problem& problem, const View& view, http::Response& response);

/// While this node does not show what the store held when it started, it answers nothing.
std::optional<Problem> not_ready(const View& view);

/// Calls `then` with a view of at least `version`, at once or later on the pool; after the time is over answers 503.
void when_visible(Service& service, Version version, Duration at_most, const http::Respond& respond,
                  std::function<void(const View&)> then);

/// Calls `then` with a view that may answer the request: of a node that is ready, of at least Ratebook-Min-Version, and
/// of `wished` if that comes in the same time. Otherwise answers what is in the way.
void when_readable(Service& service, const http::Request& request, Version wished, const http::Respond& respond,
                   std::function<void(const View&)> then);

}  // namespace ratebook::api
