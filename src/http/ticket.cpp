// Answers travel to the connection's core as letters.
#include "http/ticket.hpp"

#include "http/core.hpp"

namespace ratebook::http {

Ticket::~Ticket() {
  if (!taken_) fail("the handler dropped the request without an answer");
}

void Ticket::answer(Response response) {
  if (!take()) return;
  mailbox_->post(
      [name = name_, answer = std::move(response)](Core* core) mutable { core->answer(name, std::move(answer), {}); });
}

void Ticket::fail(std::string what) {
  if (!take()) return;
  mailbox_->post([name = name_, error = std::move(what)](Core* core) { core->answer(name, internal_error(), error); });
}

Respond make_respond(std::shared_ptr<Ticket> ticket) {
  return [held = std::move(ticket)](Response response) { held->answer(std::move(response)); };
}

Response internal_error() {
  return problem(500, "internal", "Internal error", "the server failed on this request; its log has the request id");
}

Response overloaded() {
  Response response = problem(503, "overloaded", "Too much is waiting", "try again in a moment");
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace ratebook::http
