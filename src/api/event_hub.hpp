// Event streams: each gets every version once and in order, first from the store, then as it becomes visible here.
//
//   Last-Event-ID ─▶ replaying: rows from the store, a page at a time ─▶ live: rows as the follower shows them
//                          ▲                                              │
//                          └────────── a gap: the book was loaded anew ───┘
#pragma once
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/outcomes.hpp"
#include "follower/follower.hpp"
#include "http/http.hpp"
#include "model/batch.hpp"
#include "store/store.hpp"

namespace ratebook::api {

/// `event: version` with its id and data, ended by an empty line.
std::string event_text(const VersionRow& row);
/// `event: reset`: what the client knows is of another history, or unknown; `now` is where it goes on.
std::string reset_text(Version now, const Digest& chain);

/// Version and chain digits of an event id or tag, `42-9f3a01c2`.
struct Tag {
  Version version = 0;
  std::string chain_digits;
};
std::optional<Tag> parse_tag(std::string_view text);

/// Thread-safe. Blocking work runs on the executor.
class EventHub {
 public:
  /// Rows of one replay; then the stream is closed, and the client goes on from where it is with a new one. That bounds
  /// what waits for a slow client.
  static constexpr std::size_t replayed_max = 4096;

  EventHub(store::Store& store, follower::Visible& visible, Executor executor);
  EventHub(const EventHub&) = delete;
  EventHub& operator=(const EventHub&) = delete;
  ~EventHub();

  class Listener;
  /// `allowed`: asked whether it still may listen; none: it always may.
  std::shared_ptr<Listener> make_listener(std::function<bool()> allowed = nullptr) const;
  /// `last_event_id` as the client sent it; nullopt: from now on.
  void open(const std::shared_ptr<Listener>& listener, http::EventStream stream,
            const std::optional<std::string>& last_event_id);
  /// Also before or while it is opened.
  void close(const std::shared_ptr<Listener>& listener);
  /// Ends the streams of those who may not listen any more.
  void end_forbidden();
  std::size_t open_count() const;

 private:
  std::vector<std::shared_ptr<Listener>> listeners() const;
  void told(const follower::Step& step);
  void begin_replay(const std::shared_ptr<Listener>& listener);
  void replay(const std::shared_ptr<Listener>& listener);

  store::Store& store_;
  follower::Visible& visible_;
  Executor executor_;
  mutable std::mutex mutex_;  ///< guards listeners_
  std::list<std::shared_ptr<Listener>> listeners_;
  follower::Visible::Subscription subscription_;
};

}  // namespace ratebook::api
