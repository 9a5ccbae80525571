// gzip (RFC 1952) undone as the bytes come; several members behind each other are one stream (2.2).
#pragma once
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string_view>

#include "intake/coding.hpp"
#include "intake/memory_budget.hpp"

namespace ratebook::intake {

class GzipStream {
 public:
  explicit GzipStream(MemoryBudget& memory);

  /// Decodes from the front of `input`, which is taken off it, into `output`. Returns the bytes written; 0: more input
  /// is needed. After a fault no more.
  std::expected<std::size_t, CodingFault> decode(std::string_view& input, std::span<char> output);
  /// The input so far is whole: it may end here.
  bool whole() const { return member_count_ > 0 && !inside_; }

 private:
  struct Inflater;
  struct End {
    void operator()(Inflater* inflater) const;
  };
  CodingFault fault(int error) const;

  std::unique_ptr<Inflater, End> inflater_;
  std::uint64_t byte_ = 0;  ///< of the input, taken so far
  std::uint64_t member_start_ = 0;
  std::uint64_t member_count_ = 0;  ///< that have ended
  bool inside_ = false;             ///< a member has begun
};

}  // namespace ratebook::intake
