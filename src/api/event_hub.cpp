#include "api/event_hub.hpp"

#include <algorithm>
#include <atomic>
#include <span>
#include <utility>
#include <vector>

#include "api/query.hpp"
#include "json/writer.hpp"

namespace ratebook::api {
namespace {

constexpr std::size_t page_rows = 512;

std::string digits_of(const Digest& chain) { return hex(std::span{chain}.first(4)); }

}  // namespace

std::string event_text(const VersionRow& row) {
  std::string text = "event: version\nid: " + version_tag(row.version, row.chain) + "\ndata: ";
  {
    json::Object data{text};
    data.number("version", row.version);
    data.text("kind", to_string(row.kind));
    data.text_or_null("batch_id", row.batch_id);
  }
  return text += "\n\n";
}

std::string reset_text(Version now, const Digest& chain) {
  std::string text = "event: reset\nid: " + version_tag(now, chain) + "\ndata: ";
  json::Object{text}.number("version", now);
  return text += "\n\n";
}

std::optional<Tag> parse_tag(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto version = parse_number(text.substr(0, dash));
  const auto digits = text.substr(dash + 1);
  const bool is_hex = digits.size() == 8 && digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  if (!version || !is_hex) return std::nullopt;
  return Tag{*version, std::string{digits}};
}

class EventHub::Listener {
 public:
  void go_on_from(Version version, const Digest& chain) {
    last = version;
    chain_digits = digits_of(chain);
  }
  bool send(const VersionRow& row) {
    go_on_from(row.version, row.chain);
    return stream.send(event_text(row));
  }

  std::atomic<bool> closed = false;
  std::mutex mutex;  ///< guards all below; never taken by close(), which may run inside of send()
  http::EventStream stream;
  bool replaying = true;
  Version last = 0;  ///< what the client has
  std::string chain_digits;
};

EventHub::EventHub(store::Store& store, follower::Visible& visible, Executor executor)
    : store_(store),
      visible_(visible),
      executor_(std::move(executor)),
      subscription_(visible.subscribe([this](const follower::Step& step) { told(step); })) {}

EventHub::~EventHub() { visible_.unsubscribe(subscription_); }

std::shared_ptr<EventHub::Listener> EventHub::make_listener() const { return std::make_shared<Listener>(); }

void EventHub::open(const std::shared_ptr<Listener>& listener, http::EventStream stream,
                    const std::optional<std::string>& last_event_id) {
  const std::lock_guard lock{listener->mutex};
  listener->stream = std::move(stream);
  {
    const std::lock_guard list_lock{mutex_};
    if (listener->closed) return;
    listeners_.push_back(listener);
  }
  // A step from now on waits for the listener's lock, and finds in `last` what the view had.
  const auto view = visible_.view();
  listener->go_on_from(view.book->version(), view.book->chain());
  if (!last_event_id) {
    listener->replaying = false;
  } else if (const auto tag = parse_tag(*last_event_id)) {
    listener->last = tag->version;
    listener->chain_digits = tag->chain_digits;
    begin_replay(listener);
  } else {
    listener->replaying = false;
    listener->stream.send(reset_text(view.book->version(), view.book->chain()));
  }
}

void EventHub::close(const std::shared_ptr<Listener>& listener) {
  const std::lock_guard lock{mutex_};
  listener->closed = true;
  listeners_.remove(listener);
}

std::size_t EventHub::open_count() const {
  const std::lock_guard lock{mutex_};
  return listeners_.size();
}

void EventHub::told(const follower::Step& step) {
  std::vector<std::shared_ptr<Listener>> listeners;
  {
    const std::lock_guard lock{mutex_};
    listeners.assign(listeners_.begin(), listeners_.end());
  }
  for (const auto& listener : listeners) {
    const std::lock_guard lock{listener->mutex};
    if (listener->closed || listener->replaying) continue;
    const auto first = std::ranges::upper_bound(step.rows, listener->last, {}, &VersionRow::version);
    const bool gap = step.rows.empty() || (first != step.rows.end() && first->version != listener->last + 1);
    if (gap) {
      begin_replay(listener);
      continue;
    }
    for (auto row = first; row != step.rows.end() && listener->send(*row); ++row) continue;
  }
}

void EventHub::begin_replay(const std::shared_ptr<Listener>& listener) {
  listener->replaying = true;
  executor_([this, listener] { replay(listener); });
}

// Only this touches a listener while it is replaying, so that the store is asked without its lock.
void EventHub::replay(const std::shared_ptr<Listener>& listener) {
  std::size_t sent = 0;
  const Version last = listener->last;
  bool known = last == 0 && listener->chain_digits == digits_of(Digest{});
  if (last > 0) {
    const auto own = store_.versions(last - 1, 1);
    if (!own) return listener->stream.close();
    known = !own->empty() && own->front().version == last && digits_of(own->front().chain) == listener->chain_digits;
  }
  if (!known) {
    const auto view = visible_.view();
    listener->go_on_from(view.book->version(), view.book->chain());
    if (!listener->stream.send(reset_text(view.book->version(), view.book->chain()))) return;
  }
  while (!listener->closed) {
    {
      const std::lock_guard lock{listener->mutex};
      if (visible_.view().book->version() <= listener->last) {
        listener->replaying = false;
        return;
      }
    }
    const Version shown = visible_.view().book->version();
    const auto rows = store_.versions(listener->last, page_rows);
    const bool gives_the_next = rows && !rows->empty() && rows->front().version == listener->last + 1;
    if (!gives_the_next || sent >= replayed_max) return listener->stream.close();
    for (const VersionRow& row : *rows) {
      if (row.version > shown) break;
      if (!listener->send(row)) return;
      ++sent;
    }
  }
}

}  // namespace ratebook::api
