// Memory that all intakes of the process hold together, bounded, and what one of them holds of it.
#pragma once
#include <atomic>
#include <cstddef>

namespace ratebook::intake {

/// Thread-safe. Lives longer than whatever takes from it.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  bool try_take(std::size_t bytes);
  void give_back(std::size_t bytes);
  std::size_t bytes_taken() const { return bytes_taken_.load(std::memory_order_relaxed); }

 private:
  std::size_t bytes_max_;
  std::atomic<std::size_t> bytes_taken_{0};
};

/// What one holder has of a budget; given back when it ends. Without a budget everything is granted.
class Reservation {
 public:
  Reservation() = default;
  explicit Reservation(MemoryBudget* budget) : budget_(budget) {}
  Reservation(Reservation&& other) noexcept;
  Reservation& operator=(Reservation&& other) noexcept;
  ~Reservation() { release(); }

  /// False: the budget does not have `bytes` more, and nothing changed.
  bool add(std::size_t bytes);
  /// Holds at least `bytes` afterwards, or false as above.
  bool raise_to(std::size_t bytes) { return bytes <= bytes_ || add(bytes - bytes_); }
  /// Gives back what it holds above `bytes`.
  void lower_to(std::size_t bytes);
  void release() { lower_to(0); }
  std::size_t bytes() const { return bytes_; }

 private:
  MemoryBudget* budget_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace ratebook::intake
