#include "access/keeper.hpp"

#include <chrono>
#include <condition_variable>

#include "access/token_file.hpp"

namespace ratebook::access {

Keeper::Stamp Keeper::stamp() const {
  struct stat status{};
  if (::stat(path_.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino, status.st_size, status.st_mode,
          status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec};
}

Result<void> Keeper::reread() {
  const std::lock_guard reading{reading_mutex_};
  read_ = stamp();  // before the read: what changes meanwhile is seen as changed the next time
  auto tokens = read_token_file(path_, limits_);
  if (!tokens) return std::unexpected(tokens.error());
  auto next = std::make_shared<const Tokens>(*std::move(tokens));
  {
    const std::lock_guard lock{mutex_};
    tokens_ = std::move(next);
  }
  const std::lock_guard lock{changed_mutex_};
  if (changed_) changed_();
  return {};
}

void Keeper::subscribe(std::function<void()> changed) {
  const std::lock_guard lock{changed_mutex_};
  changed_ = std::move(changed);
}

Result<bool> Keeper::reread_if_changed() {
  {
    const std::lock_guard reading{reading_mutex_};
    if (stamp() == read_) return false;
  }
  if (const auto done = reread(); !done) return std::unexpected(done.error());
  return true;
}

void Keeper::watch(const std::function<void(const Result<void>&)>& told, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock{mutex};
  while (!stopped.wait_for(lock, stop, limits_.look_interval, [&] { return stop.stop_requested(); })) {
    const auto read = reread_if_changed();
    if (!read) told(std::unexpected(read.error()));
    if (read && *read) told({});
  }
}

}  // namespace ratebook::access
