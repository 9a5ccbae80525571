// Event streams: text that workers queue goes out in chunks as fast as the client reads.
#include <fmt/format.h>

#include <exception>
#include <iterator>
#include <utility>

#include "http/core.hpp"
#include "http/event_queue.hpp"
#include "http/response_head.hpp"

namespace ratebook::http {
namespace {

/// On a worker: asks the handler, and gives it its end of the stream.
void run_streaming(const Streaming& handler, const std::shared_ptr<const Request>& request, Ticket& ticket,
                   const std::shared_ptr<Mailbox>& mailbox, RequestName name, const EventQueue::Bounds& bounds) {
  auto stream = handler(request);
  if (!stream) return ticket.answer(std::move(stream.error()));
  if (!ticket.take()) return;
  auto queue = std::make_shared<EventQueue>(mailbox, name.connection, bounds, std::move(stream->closed));
  bounds.memory->enter(queue);
  Response response{200, "text/event-stream", std::move(stream->headers), {}};
  const bool posted =
      mailbox->post([name, queue, head = std::move(response)](Core* core) { core->open_stream(name, head, queue); });
  if (!posted) static_cast<void>(queue->end_connection());
  try {
    if (request->method() != "HEAD") stream->start(queue->stream());
  } catch (const std::exception&) {
    queue->stream().close();  // the head is out: the end of the stream is all that can be said
  }
  if (const auto closed = queue->end_start()) closed();
}

}  // namespace

void Connection::start_stream(const Streaming& handler) {
  auto ticket = std::make_shared<Ticket>(core_.mailbox(), name());
  const EventQueue::Bounds bounds{core_.service().options.stream_bytes_waiting_max, core_.service().stream_memory};
  const bool taken =
      workers().try_push([&handler, request = request_, ticket, mailbox = core_.mailbox(), name = name(), bounds] {
        try {
          run_streaming(handler, request, *ticket, mailbox, name, bounds);
        } catch (const std::exception& error) {
          ticket->fail(error.what());
        }
      });
  if (taken) return;
  static_cast<void>(ticket->take());
  respond_owned(overloaded());
}

bool Connection::open_stream(std::uint64_t serial, const Response& response, std::shared_ptr<EventQueue> queue) {
  if (phase_ != Phase::working || serial != serial_) return false;
  core_.read_clock();
  const auto request = std::exchange(request_, nullptr);
  events_ = std::move(queue);
  phase_ = Phase::streaming;
  append_head(core_.scratch.out, response,
              {.date = core_.date(),
               .request_id = request->request_id_,
               .ending = Ending::close,
               .content_length = std::nullopt,
               .chunked = exchange_.is_http_1_1});
  report(*request, response.status, 0, {});
  if (exchange_.is_head) {
    end_stream();
    phase_ = Phase::head;
    closing_ = true;
  } else if (core_.stage() >= Stage::leaving) {
    events_->stream().close();
  }
  advance();
  return true;
}

void Connection::append_chunk(std::string_view text) {
  std::string& out = core_.scratch.out;
  served_ = true;
  if (!exchange_.is_http_1_1) {
    out += text;
  } else {
    fmt::format_to(std::back_inserter(out), "{:x}\r\n{}\r\n", text.size(), text);
  }
}

/// As one chunk. False: there are none.
bool Connection::append_events() {
  const auto texts = events_->take();
  std::size_t bytes = 0;
  for (const EventText& text : texts) bytes += text.view().size();
  if (bytes == 0) return false;
  std::string& out = core_.scratch.out;
  served_ = true;
  if (exchange_.is_http_1_1) fmt::format_to(std::back_inserter(out), "{:x}\r\n", bytes);
  for (const EventText& text : texts) out += text.view();
  if (exchange_.is_http_1_1) out += "\r\n";
  return true;
}

void Connection::send_events() {
  if (phase_ != Phase::streaming) return;
  core_.read_clock();
  if (events_->wish() == EventQueue::Wish::cut) return close();
  advance();
}

/// After everything is written. false: it waits for more to write, or for the client to go.
bool Connection::advance_stream() {
  if (append_events()) return true;
  switch (events_->wish()) {
    case EventQueue::Wish::stay:
      wait_for(Waiting::heartbeat, std::exchange(served_, false));
      wait_readable();
      return false;
    case EventQueue::Wish::cut:
      close();
      return false;
    case EventQueue::Wish::close:
      break;
  }
  if (exchange_.is_http_1_1) core_.scratch.out += "0\r\n\r\n";
  end_stream();
  phase_ = Phase::head;
  closing_ = true;
  return true;
}

/// Whatever a client sends while it listens is dropped; its end ends the stream.
void Connection::read_streaming() {
  if (transport_.read(core_.scratch.in.data(), core_.scratch.in.size()).ended) return close();
  wait_readable();
}

void Connection::end_stream() {
  const auto events = std::exchange(events_, nullptr);
  if (!events) return;
  if (auto closed = events->end_connection()) workers().push(std::move(closed));
}

}  // namespace ratebook::http
