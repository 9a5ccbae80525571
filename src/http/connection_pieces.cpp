// Answers that are made while they are sent: a worker makes the next piece when the client has taken the one before, so
// that a slow client costs one piece of memory and no thread.
#include <fmt/format.h>

#include <exception>
#include <iterator>
#include <utility>

#include "http/core.hpp"
#include "http/response_head.hpp"

namespace ratebook::http {

void Connection::begin_pieces(Response response) {
  // Without chunks nothing but the end of the connection ends the body.
  closing_ = !exchange_.keep_alive || !exchange_.is_http_1_1 || core_.stage() != Stage::serving;
  phase_ = Phase::pieces;
  active_at_ = core_.now();
  append_head(core_.scratch.out, response,
              {.date = core_.date(),
               .request_id = request_->request_id_,
               .ending = closing_ ? Ending::close : Ending::keep_alive,
               .content_length = std::nullopt,
               .chunked = exchange_.is_http_1_1});
  maker_ = std::make_shared<PieceMaker>(std::move(response.pieces), response.status,
                                        core_.service().workers(response.lane.value_or(exchange_.route->lane)));
}

/// When all that there is has been written.
void Connection::ask_for_piece() {
  if (std::exchange(maker_->asked, true)) return;
  wait_for(Waiting::nothing, true);
  maker_->workers.push([maker = maker_, mailbox = core_.mailbox(), name = name()] {
    Piece piece;
    try {
      piece = maker->next();
    } catch (const std::exception& error) {
      piece = std::unexpected{std::string{error.what()}};
    }
    mailbox->post([name, made = std::move(piece)](Core* core) mutable { core->take_piece(name, std::move(made)); });
  });
}

void Connection::take_piece(std::uint64_t serial, Piece piece) {
  if (phase_ != Phase::pieces || serial != serial_) return;
  core_.read_clock();
  maker_->asked = false;
  served_ = true;
  active_at_ = core_.now();
  std::string& out = core_.scratch.out;
  if (!piece) {
    end_pieces(piece.error());
    return close();
  }
  if (piece->empty()) {
    if (exchange_.is_http_1_1) out += "0\r\n\r\n";
    end_pieces({});
    phase_ = Phase::head;
  } else {
    maker_->bytes += piece->size();
    if (exchange_.is_http_1_1) {
      fmt::format_to(std::back_inserter(out), "{:x}\r\n", piece->size());
      *piece += "\r\n";
    }
    big_body_ = *std::move(piece);
    big_body_sent_ = 0;
  }
  advance();
}

void Connection::end_pieces(std::string_view error) {
  const auto maker = std::exchange(maker_, nullptr);
  const auto request = std::exchange(request_, nullptr);
  if (!maker) return;
  report(*request, maker->status, maker->bytes, error);
  // What it holds may be large: not on this thread.
  if (!maker->asked) maker->workers.push([maker] { maker->next = nullptr; });
}

}  // namespace ratebook::http
