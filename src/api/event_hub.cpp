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
constexpr std::size_t text_bytes = 8 * 1024;  // about; a client that is slower than that has little copied for it

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

namespace {

/// The events of a run of versions, in texts that all listeners share. Made when the first of them needs one.
class EventTexts {
 public:
  explicit EventTexts(std::span<const VersionRow> rows) : rows_(rows) {}

  /// Sends those from the row with this index on. False: the stream is being closed.
  bool send_from(std::size_t row, const http::EventStream& stream) {
    if (parts_.empty()) make();
    for (const Part& part : parts_) {
      if (part.begins.size() + part.first_row <= row) continue;
      const std::size_t skipped = row > part.first_row ? part.begins[row - part.first_row] : 0;
      if (!stream.send(part.text.without(skipped))) return false;
    }
    return true;
  }

 private:
  struct Part {
    std::size_t first_row;
    std::vector<std::size_t> begins;  ///< where each row's event begins in the text
    http::EventText text;
  };

  void make() {
    std::string text;
    std::vector<std::size_t> begins;
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      begins.push_back(text.size());
      text += event_text(rows_[row]);
      if (text.size() < text_bytes && row + 1 < rows_.size()) continue;
      const std::size_t first_row = row + 1 - begins.size();
      parts_.push_back({first_row, std::exchange(begins, {}), http::EventText{std::exchange(text, {})}});
    }
  }

  std::span<const VersionRow> rows_;
  std::vector<Part> parts_;
};

}  // namespace

class EventHub::Listener {
 public:
  explicit Listener(std::function<bool()> may_listen) : allowed(std::move(may_listen)) {}

  void go_on_from(Version version, const Digest& chain) {
    last = version;
    chain_digits = digits_of(chain);
  }
  /// Of `rows`, those from the one with this index on.
  bool send(EventTexts& texts, std::span<const VersionRow> rows, std::size_t first) {
    if (first == rows.size()) return true;
    go_on_from(rows.back().version, rows.back().chain);
    return texts.send_from(first, stream);
  }

  const std::function<bool()> allowed;  ///< none: always
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

std::shared_ptr<EventHub::Listener> EventHub::make_listener(std::function<bool()> allowed) const {
  return std::make_shared<Listener>(std::move(allowed));
}

void EventHub::open(const std::shared_ptr<Listener>& listener, http::EventStream stream,
                    const std::optional<std::string>& last_event_id) {
  const std::lock_guard lock{listener->mutex};
  listener->stream = std::move(stream);
  {
    const std::lock_guard list_lock{mutex_};
    if (listener->closed) return;
    listeners_.push_back(listener);
  }
  // Who was forbidden meanwhile is either in the list that end_forbidden() goes through, or is not allowed here.
  if (listener->allowed && !listener->allowed()) return listener->stream.close();
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

std::vector<std::shared_ptr<EventHub::Listener>> EventHub::listeners() const {
  const std::lock_guard lock{mutex_};
  return {listeners_.begin(), listeners_.end()};
}

void EventHub::end_forbidden() {
  for (const auto& listener : listeners()) {
    if (!listener->allowed || listener->allowed()) continue;
    const std::lock_guard lock{listener->mutex};
    if (listener->stream.drop) listener->stream.drop();  // else it is not open yet, and looks when it is
  }
}

void EventHub::told(const follower::Step& step) {
  EventTexts texts{step.rows};
  for (const auto& listener : listeners()) {
    const std::lock_guard lock{listener->mutex};
    if (listener->closed || listener->replaying) continue;
    const auto first = std::ranges::upper_bound(step.rows, listener->last, {}, &VersionRow::version);
    const bool gap = step.rows.empty() || (first != step.rows.end() && first->version != listener->last + 1);
    if (gap) {
      begin_replay(listener);
      continue;
    }
    listener->send(texts, step.rows, static_cast<std::size_t>(first - step.rows.begin()));
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
    const auto end = std::ranges::upper_bound(*rows, shown, {}, &VersionRow::version);
    const std::span<const VersionRow> shown_rows{rows->begin(), end};
    EventTexts texts{shown_rows};
    if (!listener->send(texts, shown_rows, 0)) return;
    sent += shown_rows.size();
  }
}

}  // namespace ratebook::api
