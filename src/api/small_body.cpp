#include "api/small_body.hpp"

#include <fmt/format.h>

#include <optional>
#include <string_view>

#include "api/headers.hpp"
#include "api/query.hpp"
#include "api/reading.hpp"

namespace ratebook::api {
namespace {

Problem too_large(std::size_t bytes_max) {
  return {problems::too_large, fmt::format("it may have {} bytes", bytes_max), {}, {}};
}

std::optional<Problem> refuse(const View& view, const http::Request& request, std::size_t bytes_max) {
  if (auto problem = not_ready(view)) return problem;
  if (auto problem = Query{request.query()}.check({})) return problem;
  if (media_type(request.header("Content-Type").value_or("")) != "application/json") {
    return Problem{problems::unsupported_type, "send Content-Type: application/json", {}, {}};
  }
  if (media_type(request.header("Content-Encoding").value_or("identity")) != "identity") {
    return Problem{problems::unsupported_encoding, "send the body without Content-Encoding", {}, {}};
  }
  if (request.content_length().value_or(0) > bytes_max) return too_large(bytes_max);
  return std::nullopt;
}

class SmallBody {
 public:
  SmallBody(std::size_t bytes_max, intake::MemoryBudget& memory) : bytes_max_(bytes_max), memory_(memory) {}
  ~SmallBody() { memory_.give_back(bytes_.size()); }
  SmallBody(const SmallBody&) = delete;
  SmallBody& operator=(const SmallBody&) = delete;

  /// false: problem() says why no more is wanted.
  bool feed(std::string_view piece) {
    if (bytes_.size() + piece.size() > bytes_max_) {
      problem_ = too_large(bytes_max_);
    } else if (!memory_.try_take(piece.size())) {
      problem_ = Problem{problems::overloaded, "too many bodies are being read; send it again later", {}, {}};
    } else {
      bytes_ += piece;
    }
    return !problem_;
  }

  const std::optional<Problem>& problem() const { return problem_; }
  const std::string& bytes() const { return bytes_; }

 private:
  const std::size_t bytes_max_;
  intake::MemoryBudget& memory_;
  std::string bytes_;
  std::optional<Problem> problem_;
};

}  // namespace

http::Uploading reading_body(Service& service, std::size_t bytes_max, AnswerBody answer) {
  return http::Uploading{
      [&service, bytes_max, answer = std::move(answer)](
          const std::shared_ptr<const http::Request>& request) -> std::expected<http::Upload, http::Response> {
        const View view = service.view();
        if (const auto problem = refuse(view, *request, bytes_max)) {
          http::Response response;
          answer_with_view(*problem, view, response);
          return std::unexpected(std::move(response));
        }
        const auto body = std::make_shared<SmallBody>(bytes_max, service.memory);
        return http::Upload{.feed = [body](std::string_view piece) { return body->feed(piece); },
                            .finish =
                                [&service, answer, body, request](http::Respond respond) {
                                  if (!body->problem()) return answer(request, body->bytes(), std::move(respond));
                                  http::Response response;
                                  answer_with_view(*body->problem(), service.view(), response);
                                  respond(std::move(response));
                                },
                            .abandon = [] {}};
      }};
}

}  // namespace ratebook::api
