// A body that is read whole before anything is done with it: bounded by itself, and by the memory of all such bodies.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "api/problems.hpp"
#include "http/http.hpp"
#include "intake/memory_budget.hpp"

namespace ratebook::api {

class SmallBody {
 public:
  SmallBody(std::size_t bytes_max, intake::MemoryBudget& memory) : bytes_max_(bytes_max), memory_(memory) {}
  ~SmallBody() { memory_.give_back(bytes_.size()); }
  SmallBody(const SmallBody&) = delete;
  SmallBody& operator=(const SmallBody&) = delete;

  /// What the headers already say is wrong: not JSON, encoded, too large.
  static std::optional<Problem> refuse(const http::Request& request, std::size_t bytes_max);
  /// false: problem() says why no more is wanted.
  bool feed(std::string_view piece);
  const std::optional<Problem>& problem() const { return problem_; }
  const std::string& bytes() const { return bytes_; }

 private:
  const std::size_t bytes_max_;
  intake::MemoryBudget& memory_;
  std::string bytes_;
  std::optional<Problem> problem_;
};

}  // namespace ratebook::api
