// Copies the head once and moves every view over to the copy.
#include "http/owned_request.hpp"

#include <functional>
#include <string>

namespace ratebook::http {
namespace {

struct Owned {
  std::string bytes;
  Request request;
};

}  // namespace

std::shared_ptr<const Request> own(const Request& request, std::string_view head) {
  auto owned = std::make_shared<Owned>();
  std::string& bytes = owned->bytes;
  bytes.reserve(head.size() + request.remote_.size() + request.request_id_.size());  // it must never move
  bytes = head;
  const auto moved = [&](std::string_view view) {
    const std::less<> before;
    if (!before(view.data(), head.data()) && !before(head.data() + head.size(), view.data() + view.size())) {
      return std::string_view{bytes.data() + (view.data() - head.data()), view.size()};
    }
    bytes += view;
    return std::string_view{bytes}.substr(bytes.size() - view.size());
  };
  Request& copy = owned->request;
  copy.method_ = moved(request.method_);
  copy.path_ = moved(request.path_);
  copy.query_ = moved(request.query_);
  copy.remote_ = moved(request.remote_);
  copy.request_id_ = moved(request.request_id_);
  copy.parameter_ = moved(request.parameter_);
  copy.content_length_ = request.content_length_;
  copy.headers_.reserve(request.headers_.size());
  for (const auto& [name, value] : request.headers_) copy.headers_.emplace_back(moved(name), moved(value));
  return {owned, &owned->request};
}

}  // namespace ratebook::http
