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

/// `answer` may wait for the store: the route's lane is that one's.
http::Handler reading(Service& service, Answer answer);
/// `asked` is waited for as Ratebook-Min-Version is, but not insisted on; where it is another than the one shown,
/// Answer is called where it may wait for the store.
http::Handler reading(Service& service, QuickAnswer quick, Answer answer, AskedVersion asked = nullptr);

/// A problem, with the headers that every answer carries.
void answer_with_view(const Problem& problem, const View& view, http::Response& response);

/// While this node does not show what the store held when it started, it answers nothing.
std::optional<Problem> not_ready(const View& view);

/// The first part of a Choosing handler: `quick` where nothing has to be waited for.
std::function<bool(const http::Request&, http::Response&)> when_shown(Service& service, QuickAnswer quick);

/// Calls `then` with a view of at least `version`, at once or, after a wait, on threads of `lane`: where it may wait
/// for the store, or for nothing. After the time is over answers 503.
void when_visible(Service& service, Version version, Duration at_most, const http::Respond& respond,
                  std::function<void(const View&)> then, http::Lane lane = http::Lane::memory);

/// Calls `then` with a view that may answer the request: of a node that is ready, of at least Ratebook-Min-Version, and
/// of `wished` if that comes in the same time. Otherwise answers what is in the way.
void when_readable(Service& service, const http::Request& request, Version wished, const http::Respond& respond,
                   std::function<void(const View&)> then, http::Lane lane = http::Lane::memory);

}  // namespace ratebook::api
