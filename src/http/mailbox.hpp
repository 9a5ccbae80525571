// The way into a core from other threads. It outlives the core: late answers to requests whose server is gone end here.
#pragma once
#include <functional>
#include <mutex>

namespace ratebook::http {

class Core;

class Mailbox {
 public:
  using Letter = std::move_only_function<void(Core*)>;

  /// The core will open it, as itself, on its own thread. false: there is no core any more, and the letter is gone.
  bool post(Letter letter) {
    const std::lock_guard lock{mutex_};
    if (!deliver_) return false;
    deliver_(std::move(letter));
    return true;
  }

  void open(std::function<void(Letter)> deliver) {
    const std::lock_guard lock{mutex_};
    deliver_ = std::move(deliver);
  }
  void close() { open(nullptr); }

 private:
  std::mutex mutex_;
  std::function<void(Letter)> deliver_;
};

}  // namespace ratebook::http
