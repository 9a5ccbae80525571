// Requests that are answered elsewhere: their bodies are read piece by piece, and workers do the rest.
#include <algorithm>
#include <exception>
#include <utility>

#include "http/core.hpp"
#include "http/owned_request.hpp"

namespace ratebook::http {
namespace {

Response body_too_large() { return problem(413, "body-too-large", "Body too large", "see the documented limits"); }

}  // namespace

void Connection::begin_working() {
  phase_ = Phase::working;
  wait_for(Waiting::nothing, true);
}

void Connection::respond_owned(Response response, std::string_view error) {
  const auto request = std::exchange(request_, nullptr);
  respond(*request, response, error);
}

void Connection::begin_work(const Request& request, const Head& head, std::string_view head_bytes) {
  request_ = own(request, head_bytes);
  if (const auto* uploading = std::get_if<Uploading>(&exchange_.route->handler)) return agree(*uploading, head);
  if (!brings_body(*request_, head)) return call_on_worker();
  if (request_->content_length_.value_or(0) <= body_bytes_max()) return begin_body(head, std::nullopt);
  exchange_.keep_alive = false;
  respond_owned(body_too_large());
}

void Connection::agree(const Uploading& handler, const Head& head) {
  const bool has_body = brings_body(*request_, head);
  try {
    auto agreed = handler(request_);
    if (agreed) return begin_body(head, std::move(*agreed));
    exchange_.keep_alive = exchange_.keep_alive && !has_body;
    respond_owned(std::move(agreed.error()));
  } catch (const std::exception& error) {
    exchange_.keep_alive = exchange_.keep_alive && !has_body;
    respond_owned(internal_error(), error.what());
  }
}

void Connection::begin_body(const Head& head, std::optional<Upload> upload) {
  body_ = std::make_unique<Body>();
  body_->transfer = std::make_shared<Transfer>();
  body_->unwanted = !upload;
  if (upload) body_->transfer->upload = std::move(*upload);
  body_->owes_continue = head.expects_continue;
  body_->left_bytes = request_->content_length_.value_or(0);
  body_->done = !brings_body(*request_, head);
  if (head.chunked) body_->chunks.emplace();
  phase_ = Phase::body;
  wait_for(Waiting::body, true);
}

std::uint64_t Connection::body_bytes_max() const {
  const ServerOptions& options = core_.service().options;
  const bool wanted = std::holds_alternative<Uploading>(exchange_.route->handler);
  return wanted ? options.body_bytes_max : options.drained_bytes_max;
}

/// Reads until a piece is full or nothing more is there, and hands over what there is. false: it waits for more.
bool Connection::read_body() {
  Got got;
  const std::uint64_t received_before = body_->received_bytes;
  const bool well_formed = fill_piece(got);
  if (got.ended) {
    close();
  } else if (!well_formed) {
    fail_body(problem(400, "bad-request", "Malformed request", "the body is not framed in proper chunks"));
  } else if (body_->received_bytes > body_bytes_max()) {
    fail_body(body_too_large());
  } else if (!body_->transfer->piece.empty()) {
    feed();
  } else if (body_->done) {
    finish_body();
  } else if (std::exchange(body_->owes_continue, false) && body_->received_bytes == 0) {
    core_.scratch.out += "HTTP/1.1 100 Continue\r\n\r\n";
  } else {
    wait_for(Waiting::body, body_->received_bytes != received_before);
    wait_readable();
    return false;
  }
  return true;
}

/// false: the body is malformed.
bool Connection::fill_piece(Got& got) {
  const std::size_t piece_bytes = core_.service().options.piece_bytes;
  std::string& piece = body_->transfer->piece;
  while (!body_->done && !got.would_block && !got.ended && piece.size() < piece_bytes &&
         body_->received_bytes <= body_bytes_max()) {
    const std::size_t before = piece.size();
    if (!body_->chunks) {
      fill_plainly(piece_bytes, got);
    } else if (!fill_from_chunks(piece_bytes, got)) {
      return false;
    }
    body_->received_bytes += piece.size() - before;
    if (body_->unwanted) piece.clear();
  }
  return true;
}

bool Connection::fill_from_chunks(std::size_t piece_bytes, Got& got) {
  std::vector<char>& in = core_.scratch.in;
  std::string& piece = body_->transfer->piece;
  std::string_view input = input_;
  const bool buffered = !input.empty();
  // No more than the piece has room for, so that hardly anything must be kept for later.
  if (!buffered) {
    got = transport_.read(in.data(), std::min(in.size(), piece_bytes - piece.size()));
    input = {in.data(), got.bytes};
  }
  const auto progress = body_->chunks->take(input, piece, piece_bytes);
  body_->done = progress == ChunkedBody::Progress::done;
  if (buffered) {
    input_.erase(0, input_.size() - input.size());
  } else {
    input_ = input;
  }
  return progress != ChunkedBody::Progress::malformed;
}

void Connection::fill_plainly(std::size_t piece_bytes, Got& got) {
  std::string& piece = body_->transfer->piece;
  const std::size_t before = piece.size();
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes - before, body_->left_bytes));
  if (!input_.empty()) {
    piece.append(input_, 0, wanted);
    input_.erase(0, wanted);
  } else {
    // Straight from the socket to where the worker reads.
    piece.resize_and_overwrite(before + wanted, [&](char* data, std::size_t) {
      got = transport_.read(data + before, wanted);
      return before + got.bytes;
    });
  }
  body_->left_bytes -= piece.size() - before;
  body_->done = body_->left_bytes == 0;
}

void Connection::feed() {
  phase_ = Phase::feeding;
  wait_for(Waiting::nothing, true);
  auto task = [transfer = body_->transfer, mailbox = core_.mailbox(), id = id_] {
    Fed fed;
    try {
      fed.wants_more = transfer->upload.feed(transfer->piece);
    } catch (const std::exception& error) {
      fed.error = error.what();
    }
    transfer->piece.clear();
    mailbox->post([id, told = std::move(fed)](Core* core) { core->take_fed(id, told); });
  };
  if (body_->let_in) {
    workers().push(std::move(task));
  } else if (workers().try_push(std::move(task))) {
    body_->let_in = true;
  } else {
    fail_body(overloaded());
  }
}

void Connection::take_fed(const Fed& fed) {
  core_.read_clock();
  if (phase_ == Phase::gone) {
    abandon_body();
    return release_if_done();
  }
  phase_ = Phase::body;
  wait_for(Waiting::body, true);
  if (!fed.error.empty()) {
    fail_body(internal_error(), fed.error);
  } else if (!fed.wants_more) {
    exchange_.keep_alive = exchange_.keep_alive && body_->done;
    finish_body();
  }
  advance();
}

void Connection::finish_body() {
  const auto body = std::exchange(body_, nullptr);
  begin_working();
  if (body->unwanted) return call_handler();
  // Asked again: who was let in with the headers may not be any more, now that all of a long body has come.
  if (std::string error; is_refused(*request_, error)) {
    workers().push([transfer = body->transfer] { transfer->upload.abandon(); });
    return respond_owned(std::move(core_.scratch.response), error);
  }
  auto task = [transfer = body->transfer, ticket = std::make_shared<Ticket>(core_.mailbox(), name())] {
    try {
      transfer->upload.finish(make_respond(ticket));
    } catch (const std::exception& error) {
      ticket->fail(error.what());
    }
  };
  if (body->let_in) return workers().push(std::move(task));
  if (workers().try_push(std::move(task))) return;
  workers().push([transfer = body->transfer] { transfer->upload.abandon(); });
  respond_owned(overloaded());
}

/// Ends the body before its end with an answer.
void Connection::fail_body(Response response, std::string_view error) {
  abandon_body();
  exchange_.keep_alive = false;
  respond_owned(std::move(response), error);
}

void Connection::abandon_body() {
  const auto body = std::exchange(body_, nullptr);
  if (!body || body->unwanted) return;
  workers().push([transfer = body->transfer] { transfer->upload.abandon(); });
}

/// For a request whose body has been read and dropped.
void Connection::call_handler() {
  const auto request = std::exchange(request_, nullptr);
  if (call_at_once(exchange_.route->handler, *request)) return;
  request_ = request;
  call_on_worker();
}

/// Of the route's lane.
WorkerPool& Connection::workers() { return core_.service().workers(exchange_.route->lane); }

void Connection::call_on_worker() {
  const Handler& handler = exchange_.route->handler;
  begin_working();
  if (const auto* deferred = std::get_if<Deferred>(&handler)) return defer(*deferred);
  if (const auto* choosing = std::get_if<Choosing>(&handler)) return defer(choosing->later);
  if (const auto* streaming = std::get_if<Streaming>(&handler)) return start_stream(*streaming);
}

void Connection::defer(const Deferred& handler) {
  auto ticket = std::make_shared<Ticket>(core_.mailbox(), name());
  const bool taken = workers().try_push([&handler, request = request_, ticket] {
    try {
      handler(request, make_respond(ticket));
    } catch (const std::exception& error) {
      ticket->fail(error.what());
    }
  });
  if (taken) return;
  static_cast<void>(ticket->take());
  respond_owned(overloaded());
}

}  // namespace ratebook::http
