// Taking and giving back are one atomic number; nothing else is ordered by it.
#include "intake/memory_budget.hpp"

#include <utility>

namespace ratebook::intake {

bool MemoryBudget::try_take(std::size_t bytes) {
  std::size_t taken = bytes_taken_.load(std::memory_order_relaxed);
  do {
    if (bytes > bytes_max_ || taken > bytes_max_ - bytes) return false;
  } while (!bytes_taken_.compare_exchange_weak(taken, taken + bytes, std::memory_order_relaxed));
  return true;
}

void MemoryBudget::give_back(std::size_t bytes) { bytes_taken_.fetch_sub(bytes, std::memory_order_relaxed); }

Reservation::Reservation(Reservation&& other) noexcept
    : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}

Reservation& Reservation::operator=(Reservation&& other) noexcept {
  if (this != &other) {
    release();
    budget_ = other.budget_;
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

bool Reservation::add(std::size_t bytes) {
  if (budget_ != nullptr && !budget_->try_take(bytes)) return false;
  bytes_ += bytes;
  return true;
}

void Reservation::lower_to(std::size_t bytes) {
  if (bytes >= bytes_) return;
  if (budget_ != nullptr) budget_->give_back(bytes_ - bytes);
  bytes_ = bytes;
}

}  // namespace ratebook::intake
