#include "api/problems.hpp"

#include "json/writer.hpp"

namespace ratebook::api {
namespace {

void append_item(std::string& out, const ProblemItem& item) {
  json::Object object{out};
  item.index ? object.number("index", *item.index) : object.null("index");
  item.line ? object.number("line", *item.line) : object.null("line");
  object.text("field", item.field);
  object.text("code", item.code);
  object.text("message", item.message);
}

/// RFC 6750, section 3: no error code for who has sent no token.
std::string_view challenge(const ProblemKind& kind) {
  if (kind.status == 403) return R"(Bearer realm="ratebook", error="insufficient_scope")";
  if (kind.type == problems::token_unknown.type) return R"(Bearer realm="ratebook", error="invalid_token")";
  return R"(Bearer realm="ratebook")";
}

}  // namespace

void append_problem(std::string& out, const Problem& problem) {
  json::Object object{out};
  object.text("type", std::string{"/problems/"}.append(problem.kind.type));
  object.text("title", problem.kind.title);
  object.number("status", problem.kind.status);
  object.text("detail", problem.detail);
  if (!problem.error_count) return;
  std::string& errors = object.member("errors");
  errors += '[';
  for (std::size_t i = 0; i < problem.errors.size(); ++i) {
    if (i > 0) errors += ',';
    append_item(errors, problem.errors[i]);
  }
  errors += ']';
  object.number("error_count", *problem.error_count);
}

void answer_problem(const Problem& problem, http::Response& response) {
  response.status = problem.kind.status;
  response.content_type = "application/problem+json";
  if (problem.kind.status == 503 || problem.kind.status == 429) response.headers.emplace_back("Retry-After", "1");
  if (problem.kind.status == 401 || problem.kind.status == 403) {
    response.headers.emplace_back("WWW-Authenticate", challenge(problem.kind));
  }
  response.body.clear();
  append_problem(response.body, problem);
}

http::Response problem_response(const Problem& problem) {
  http::Response response;
  answer_problem(problem, response);
  return response;
}

Problem store_problem(const Fault& fault) {
  return {problems::store_unavailable, "ask again in a moment: " + fault.message, {}, {}};
}

}  // namespace ratebook::api
