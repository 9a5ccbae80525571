#include "api/outcomes.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "runtime/task.hpp"

namespace ratebook::api {
namespace {

constexpr Duration rest_max = std::chrono::seconds{1};

// Whether the store's word settles it: decided, and what it became is shown here.
bool settles_commit(const Batch& batch, Version shown) {
  if (batch.status == BatchStatus::rejected) return true;
  return batch.status != BatchStatus::accepted && batch.version <= shown;
}

bool settles_retraction(const Batch& batch, Version shown) {
  return batch.status == BatchStatus::retracted && batch.retracted_version <= shown;
}

}  // namespace

Outcomes::Outcomes(store::Store& store, follower::Visible& visible, const Runtime& runtime, Executor executor,
                   OutcomesOptions options)
    : store_(store),
      visible_(visible),
      runtime_(runtime),
      executor_(std::move(executor)),
      options_(options),
      wake_(runtime.make_signal()),
      told_(visible.view().book->version()),
      subscription_(visible.subscribe([this](const follower::Step& step) { told(step); })) {}

Outcomes::~Outcomes() { visible_.unsubscribe(subscription_); }

std::optional<Outcomes::Watch> Outcomes::watch(Awaited awaited, const std::string& id) {
  const std::lock_guard lock{mutex_};
  if (watched_.size() >= options_.watched_max) return std::nullopt;
  const Watch watch = next_watch_++;
  Watched watched;
  watched.awaited = awaited;
  watched.id = id;
  watched.asked = runtime_.boot_time();
  watched_.emplace(watch, std::move(watched));
  watches_of_.emplace(id, watch);
  return watch;
}

std::optional<Fate> Outcomes::fate(Watch watch) const {
  const std::lock_guard lock{mutex_};
  const auto found = watched_.find(watch);
  return found == watched_.end() ? std::nullopt : found->second.fate;
}

void Outcomes::await(Watch watch, Duration at_most, std::function<void(std::optional<Fate>)> done) {
  const BootTime deadline = runtime_.boot_time() + at_most;
  {
    const std::lock_guard lock{mutex_};
    const auto found = watched_.find(watch);
    if (found == watched_.end()) return;
    found->second.done = std::move(done);
    found->second.deadline = deadline;
    if (found->second.fate || at_most <= Duration{0} || leaving_) return finish(found);
    if (next_end_ <= deadline) return;
  }
  wake_.notify();
}

void Outcomes::forget(Watch watch) {
  const std::lock_guard lock{mutex_};
  const auto found = watched_.find(watch);
  if (found == watched_.end()) return;
  found->second.done = nullptr;
  finish(found);
}

void Outcomes::await_version(Version version, Duration at_most, std::function<void(bool)> done) {
  {
    const std::lock_guard lock{mutex_};
    // Looked at under the lock that told() takes after the view has changed: no step falls in between.
    const bool shown = visible_.view().shown() >= version;
    if (shown || leaving_ || version_waits_.size() >= options_.watched_max) {
      return executor_([done = std::move(done), shown] { done(shown); });
    }
    const BootTime deadline = runtime_.boot_time() + at_most;
    version_waits_.emplace(version, VersionWait{deadline, std::move(done)});
    if (next_end_ <= deadline) return;
  }
  wake_.notify();
}

void Outcomes::leave() {
  const std::lock_guard lock{mutex_};
  leaving_ = true;
  for (auto watched = watched_.begin(); watched != watched_.end();) {
    const auto next = std::next(watched);
    if (watched->second.done) finish(watched);
    watched = next;
  }
  for (auto& [version, wait] : version_waits_) {
    executor_([done = std::move(wait.done)] { done(false); });
  }
  version_waits_.clear();
}

void Outcomes::accept(Watch watch, const BatchHeader& header, std::uint64_t bytes) {
  const std::lock_guard lock{mutex_};
  const auto found = watched_.find(watch);
  if (found == watched_.end() || found->second.fate) return;
  const Awaited awaited = found->second.awaited;
  if (accepted_by_id_.contains({awaited, header.id})) return;
  if (accepted_.size() >= options_.accepted_max) {
    const Accepted& oldest = accepted_.front();
    forget_accepted(oldest.awaited, std::string{oldest.header.id});
  }
  accepted_.push_back({awaited, header, bytes, runtime_.boot_time()});
  accepted_by_id_.emplace(std::pair{awaited, header.id}, std::prev(accepted_.end()));
  Waiting& of_source = waiting_of_source_[header.source];
  ++of_source.count;
  of_source.bytes += bytes;
  waiting_bytes_ += bytes;
}

bool Outcomes::is_accepted(Awaited awaited, const std::string& id) const {
  const std::lock_guard lock{mutex_};
  return accepted_by_id_.contains({awaited, id});
}

std::optional<BatchHeader> Outcomes::accepted(const std::string& id) const {
  const std::lock_guard lock{mutex_};
  const auto found = accepted_by_id_.find({Awaited::commit, id});
  if (found == accepted_by_id_.end()) return std::nullopt;
  return found->second->header;
}

std::optional<BatchHeader> Outcomes::accepted_beyond(const std::string& id, Version shown) const {
  const std::lock_guard lock{mutex_};
  // A step is visible a moment before it is told of here.
  if (told_ < shown) return std::nullopt;
  const auto found = accepted_by_id_.find({Awaited::commit, id});
  if (found == accepted_by_id_.end()) return std::nullopt;
  return found->second->header;
}

std::vector<BatchHeader> Outcomes::accepted(const std::optional<std::string>& source, std::size_t limit) const {
  const std::lock_guard lock{mutex_};
  std::vector<BatchHeader> headers;
  for (auto entry = accepted_.rbegin(); entry != accepted_.rend() && headers.size() < limit; ++entry) {
    if (entry->awaited != Awaited::commit) continue;
    if (!source || entry->header.source == *source) headers.push_back(entry->header);
  }
  return headers;
}

Waiting Outcomes::waiting(const std::string& source) const {
  const std::lock_guard lock{mutex_};
  const auto found = waiting_of_source_.find(source);
  return found == waiting_of_source_.end() ? Waiting{} : found->second;
}

Waiting Outcomes::waiting() const {
  const std::lock_guard lock{mutex_};
  return {accepted_.size(), waiting_bytes_};
}

std::size_t Outcomes::watched_count() const {
  const std::lock_guard lock{mutex_};
  return watched_.size() + version_waits_.size();
}

void Outcomes::told(const follower::Step& step) {
  const std::lock_guard lock{mutex_};
  for (const VersionRow& row : step.rows) told_row(row);
  told_ = step.book->version();
  const auto reached = version_waits_.upper_bound(step.book->version());
  for (auto wait = version_waits_.begin(); wait != reached; wait = version_waits_.erase(wait)) {
    executor_([done = std::move(wait->second.done)] { done(true); });
  }
}

void Outcomes::told_row(const VersionRow& row) {
  if (row.kind == VersionKind::batch) {
    settle(Awaited::commit, row.batch_id, row);
    if (!row.replaced_id.empty()) settle(Awaited::retraction, row.replaced_id, row);
  } else if (row.kind == VersionKind::retraction) {
    settle(Awaited::retraction, row.batch_id, row);
  }
}

void Outcomes::settle(Awaited awaited, const std::string& id, const Fate& fate) {
  forget_accepted(awaited, id);
  std::vector<Watch> settled;
  const auto [begin, end] = watches_of_.equal_range(id);
  for (auto entry = begin; entry != end; ++entry) settled.push_back(entry->second);
  for (const Watch watch : settled) {
    const auto watched = watched_.find(watch);
    if (watched->second.awaited != awaited || watched->second.fate) continue;
    watched->second.fate = fate;
    if (watched->second.done) finish(watched);
  }
}

void Outcomes::finish(std::map<Watch, Watched>::iterator watched) {
  const auto [begin, end] = watches_of_.equal_range(watched->second.id);
  watches_of_.erase(std::find_if(begin, end, [&](const auto& entry) { return entry.second == watched->first; }));
  Watched ended = std::move(watched->second);
  watched_.erase(watched);
  if (!ended.done) return;
  executor_([done = std::move(ended.done), fate = std::move(ended.fate)]() mutable { done(std::move(fate)); });
}

void Outcomes::forget_accepted(Awaited awaited, const std::string& id) {
  const auto found = accepted_by_id_.find({awaited, id});
  if (found == accepted_by_id_.end()) return;
  const std::uint64_t bytes = found->second->bytes;
  waiting_bytes_ -= bytes;
  const auto of_source = waiting_of_source_.find(found->second->header.source);
  of_source->second.bytes -= bytes;
  if (--of_source->second.count == 0) waiting_of_source_.erase(of_source);
  accepted_.erase(found->second);
  accepted_by_id_.erase(found);
}

// The ids whose turn it is: first those that the store was not asked about for the longest time.
std::vector<std::string> Outcomes::questions(BootTime now) const {
  std::vector<std::pair<BootTime, std::string>> due;
  for (const auto& [watch, watched] : watched_) {
    if (!watched.fate && now - watched.asked >= options_.poll_interval) due.emplace_back(watched.asked, watched.id);
  }
  for (const auto& entry : accepted_) {
    if (now - entry.asked >= options_.poll_interval) due.emplace_back(entry.asked, entry.header.id);
  }
  const auto count = std::min(due.size(), options_.polled_per_round);
  std::ranges::partial_sort(due, due.begin() + static_cast<std::ptrdiff_t>(count));
  due.resize(count);
  std::vector<std::string> ids;
  for (auto& [asked, id] : due) ids.push_back(std::move(id));
  return ids;
}

void Outcomes::note_asked(const std::string& id, BootTime now) {
  const auto [begin, end] = watches_of_.equal_range(id);
  for (auto entry = begin; entry != end; ++entry) watched_.at(entry->second).asked = now;
  for (const Awaited awaited : {Awaited::commit, Awaited::retraction}) {
    if (const auto found = accepted_by_id_.find({awaited, id}); found != accepted_by_id_.end()) {
      found->second->asked = now;
    }
  }
}

bool Outcomes::ask(const std::string& id) {
  const auto batch = store_.batch(id);
  if (!batch) return false;
  if (!*batch) return true;
  const Version shown = visible_.view().shown();
  const std::lock_guard lock{mutex_};
  if (settles_commit(**batch, shown)) settle(Awaited::commit, id, **batch);
  if (settles_retraction(**batch, shown)) settle(Awaited::retraction, id, **batch);
  return true;
}

Duration Outcomes::end_due() {
  const std::lock_guard lock{mutex_};
  const BootTime now = runtime_.boot_time();
  Duration rest = rest_max;
  for (auto watched = watched_.begin(); watched != watched_.end();) {
    const auto next = std::next(watched);
    if (const auto deadline = watched->second.deadline; deadline && *deadline <= now) {
      finish(watched);
    } else if (deadline) {
      rest = std::min(rest, *deadline - now);
    }
    watched = next;
  }
  for (auto wait = version_waits_.begin(); wait != version_waits_.end();) {
    if (wait->second.deadline > now) {
      rest = std::min(rest, wait->second.deadline - now);
      ++wait;
      continue;
    }
    executor_([done = std::move(wait->second.done)] { done(false); });
    wait = version_waits_.erase(wait);
  }
  rest = std::max(rest, Duration{std::chrono::milliseconds{1}});
  next_end_ = now + rest;
  return rest;
}

void Outcomes::ask_due(const std::stop_token& stop) {
  std::vector<std::string> ids;
  {
    const std::lock_guard lock{mutex_};
    ids = questions(runtime_.boot_time());
  }
  // A store that does not answer takes its time to fail: the others are asked another time, before this one.
  std::unordered_set<std::string> asked;
  for (const std::string& id : ids) {
    if (!asked.insert(id).second) continue;
    {
      const std::lock_guard lock{mutex_};
      note_asked(id, runtime_.boot_time());
    }
    if (stop.stop_requested() || !ask(id)) return;
  }
}

void Outcomes::run(const std::stop_token& stop) {
  const std::stop_callback on_stop{stop, [this] { wake_.notify(); }};
  // Each task has all that it needs: where a process is killed, this one may be gone first.
  const auto repeat = [this](const std::stop_token& until, const auto& round) {
    while (!until.stop_requested()) {
      const std::uint64_t seen = wake_.count();
      const Duration rest = round();
      if (!until.stop_requested()) wake_.wait_past(seen, rest);
    }
  };
  const Task asking{runtime_, [this, repeat, stop](const std::stop_token&) {
                      repeat(stop, [this, stop] {
                        ask_due(stop);
                        return options_.poll_interval;
                      });
                    }};
  repeat(stop, [this] { return end_due(); });
}

}  // namespace ratebook::api
