// The tokens that hold just now: read from their file, and again when it changes. A file that cannot be read, or is
// wrong, changes nothing: what was read last goes on to hold.
#pragma once
#include <sys/stat.h>

#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "access/tokens.hpp"
#include "model/error.hpp"

namespace ratebook::access {

/// Thread-safe. Until the first reread() there are no tokens: nobody is let in.
class Keeper {
 public:
  explicit Keeper(std::string path, Limits limits = {}) : path_(std::move(path)), limits_(limits) {}

  std::shared_ptr<const Tokens> tokens() const {
    const std::lock_guard lock{mutex_};
    return tokens_;
  }

  /// `changed` is called after each reading that has put other tokens in place, until the next subscription (nullptr:
  /// none).
  void subscribe(std::function<void()> changed);
  Result<void> reread();
  /// Rereads a file that is another one than at the last look; true: it has.
  Result<bool> reread_if_changed();
  /// Looks at the file every second until stopped, so that what stands there holds without a signal; tells of each
  /// reading.
  void watch(const std::function<void(const Result<void>&)>& told, const std::stop_token& stop);

 private:
  /// What changes when the file does.
  struct Stamp {
    dev_t device = 0;
    ino_t inode = 0;
    off_t bytes = 0;
    mode_t mode = 0;
    std::int64_t changed_ns = 0;
    bool operator==(const Stamp&) const = default;
  };
  Stamp stamp() const;

  const std::string path_;
  const Limits limits_;
  std::mutex reading_mutex_;  ///< guards read_; held while the file is read
  Stamp read_;
  std::mutex changed_mutex_;  ///< guards changed_; held while it is called
  std::function<void()> changed_;
  mutable std::mutex mutex_;  ///< guards tokens_
  std::shared_ptr<const Tokens> tokens_ = std::make_shared<const Tokens>();
};

}  // namespace ratebook::access
