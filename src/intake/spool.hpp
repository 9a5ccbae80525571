// Packed chunks of one batch between decoding and log: in memory, and beyond a bound in an unlinked temporary file, so
// that nothing is left behind whatever happens.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "intake/memory_budget.hpp"
#include "model/error.hpp"

namespace ratebook::intake {

class Spool {
 public:
  /// folder empty: everything stays in memory. What stands in memory counts against `budget`, if there is one, as long
  /// as the spool lives; where the budget has no more, chunks go into the file earlier. What stands in the file counts
  /// against `file_budget` in the same way.
  Spool(std::size_t memory_bytes_max, std::string folder, MemoryBudget* budget = nullptr,
        MemoryBudget* file_budget = nullptr);
  Spool(Spool&&) noexcept;
  Spool& operator=(Spool&&) noexcept;
  ~Spool();

  /// Failure::full with the reason: the file cannot be made or written, its budget is used up, or, without a folder,
  /// that of memory is.
  Result<void> append(std::string_view packed_chunk);

  std::size_t chunk_count() const { return entries_.size(); }
  std::size_t bytes() const { return bytes_; }
  std::size_t bytes_in_memory() const { return bytes_in_memory_; }

  /// Chunk `index`, as appended. Failure::damaged: the file does not give it back.
  Result<std::string> read(std::size_t index) const;

 private:
  struct Entry {
    std::string bytes;       ///< where it stands in memory
    std::uint64_t at = 0;    ///< in the file, otherwise
    std::size_t length = 0;  ///< 0: in memory
  };
  Result<void> append_to_file(std::string_view packed_chunk);

  std::size_t memory_bytes_max_;
  std::string folder_;
  Reservation memory_;
  Reservation in_file_;
  int file_ = -1;
  std::uint64_t file_bytes_ = 0;
  std::size_t bytes_in_memory_ = 0;
  std::size_t bytes_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace ratebook::intake
