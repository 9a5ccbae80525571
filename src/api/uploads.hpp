// How many batches are being received at once: in all and of each source, so that no source's slow or many uploads take
// the workers, the memory and the room for temporary files from the others.
#pragma once
#include <cstddef>
#include <expected>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "api/problems.hpp"

namespace ratebook::api {

struct UploadLimits {
  std::size_t all_max = 256;
  std::size_t per_source_max = 16;
  std::size_t unnamed_max = 32;  ///< whose source is not known yet: it stands in the body, and has not come
};

/// Thread-safe. Outlives its places.
class Uploads {
 public:
  explicit Uploads(UploadLimits limits) : limits_(limits) {}
  Uploads(const Uploads&) = delete;
  Uploads& operator=(const Uploads&) = delete;

  /// One upload's, given back when it ends.
  class Place {
   public:
    Place(Uploads& uploads, std::string source) : uploads_(&uploads), source_(std::move(source)) {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { uploads_->leave(source_); }

    /// For an unnamed one, as soon as its source is known: it counts there from now on, or there is no room.
    std::optional<Problem> name(std::string_view source);

   private:
    Uploads* uploads_;
    std::string source_;  ///< empty: unnamed
  };

  /// `source`: empty: not known yet. 429: this source has too many; 503: all together, or all unnamed ones, have.
  std::expected<std::unique_ptr<Place>, Problem> enter(std::string_view source);
  std::size_t count() const;

 private:
  std::optional<Problem> full(std::string_view source) const;
  void leave(const std::string& source);

  const UploadLimits limits_;
  mutable std::mutex mutex_;  ///< guards all below
  std::map<std::string, std::size_t, std::less<>> of_source_;
  std::size_t count_ = 0;
};

}  // namespace ratebook::api
