// For this folder's tests: a clock that is moved by hand, and a store that holds what a test puts into it.
#pragma once
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "book/book.hpp"
#include "runtime/runtime.hpp"
#include "store/testing.hpp"

namespace ratebook::api::testing {

/// Machine randomness and signals, a boot time that only moves when told.
struct HandClock {
  HandClock() : runtime(machine_runtime()) {
    runtime.boot_time = [this] { return now; };
  }
  BootTime now = std::chrono::seconds{100};
  Runtime runtime;
};

/// Batches and version rows as put.
class HeldStore final : public store::testing::UnaskedStore {
 public:
  using UnaskedStore::UnaskedStore;

  void put(const Batch& batch) {
    const std::lock_guard lock{mutex_};
    batches_[batch.header.id] = batch;
  }
  void put(const VersionRow& row) {
    const std::lock_guard lock{mutex_};
    rows_.push_back(row);
  }
  std::size_t asked(const std::string& id) const {
    const std::lock_guard lock{mutex_};
    const auto found = asked_.find(id);
    return found == asked_.end() ? 0 : found->second;
  }

  Result<std::optional<Batch>> batch(const std::string& id) override {
    on_question();
    const std::lock_guard lock{mutex_};
    ++asked_[id];
    const auto found = batches_.find(id);
    if (!is_there) return fail(Failure::unavailable, "not there");
    if (found == batches_.end()) return std::nullopt;
    return found->second;
  }
  Result<std::vector<VersionRow>> versions(Version after, std::size_t limit) override {
    const std::lock_guard lock{mutex_};
    std::vector<VersionRow> found;
    for (const auto& row : rows_) {
      if (row.version > after && found.size() < limit) found.push_back(row);
    }
    return found;
  }

  bool is_there = true;  ///< for questions about batches
  std::function<void()> on_question = [] {};

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Batch> batches_;
  std::map<std::string, std::size_t> asked_;
  std::vector<VersionRow> rows_;
};

inline BatchHeader header_of(const std::string& id, const std::string& source = "carrier-a") {
  return {.id = id, .source = source, .key = "k", .price_count = 3, .accepted_at = 1000};
}

inline Digest chain_of(Version version) {
  Digest chain{};
  chain[0] = static_cast<std::uint8_t>(version);
  return chain;
}

inline VersionRow row_of(Version version, const std::string& batch_id) {
  return {.version = version, .batch_id = batch_id, .attempt = "a", .committed_at = 2000, .chain = chain_of(version)};
}

/// A book of that version, without prices.
inline book::Snapshot book_of(Version version) {
  book::Loader loader;
  return loader.finish(version, version == 0 ? Digest{} : chain_of(version), std::make_shared<const PlaceTree>());
}

}  // namespace ratebook::api::testing
