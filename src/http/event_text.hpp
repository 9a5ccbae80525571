// Text that many event streams send: made once, held by all of them until the last has sent it.
#pragma once
#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace ratebook::http {

class EventText {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): a text for one stream alone is sent as it is
  EventText(std::string text) : shared_(std::make_shared<Shared>(std::move(text))) {}

  std::string_view view() const { return std::string_view{shared_->text}.substr(begin_); }
  /// The same text without its first bytes: for a stream that has these already.
  EventText without(std::size_t bytes) const {
    EventText rest = *this;
    rest.begin_ += bytes;
    return rest;
  }

 private:
  friend class StreamMemory;

  struct Shared {
    explicit Shared(std::string made) : text(std::move(made)) {}
    const std::string text;
    std::atomic<std::size_t> holders = 0;  ///< queues that it waits in
  };

  std::shared_ptr<Shared> shared_;
  std::size_t begin_ = 0;
};

}  // namespace ratebook::http
