// The nodes that the book is made of: raw, immutable blocks of memory that versions share, and what one step from a
// version to the next makes and leaves behind. No node counts who uses it; an Era does that for all of them.
#pragma once
#include <cstddef>
#include <new>
#include <utility>
#include <vector>

namespace ratebook::book {

/// What an allocation of `bytes` takes from the heap (glibc: eight bytes before each, multiples of 16, at least 32).
constexpr std::size_t heap_bytes(std::size_t bytes) {
  const std::size_t whole = (bytes + 8 + 15) / 16 * 16;
  return whole < 32 ? 32 : whole;
}

inline void free_node(const void* node) { ::operator delete(const_cast<void*>(node)); }

/// One step: the nodes that it makes are freed again with it unless keep() was called.
class Edit {
 public:
  Edit() = default;
  Edit(const Edit&) = delete;
  Edit& operator=(const Edit&) = delete;
  ~Edit() {
    for (const void* node : made_) free_node(node);
  }

  /// Node::make(arguments…), owned by this edit.
  template <class Node, class... Arguments>
  auto make(Arguments&&... arguments) {
    made_.push_back(nullptr);  // first, so that running out of memory here leaks nothing
    auto* node = Node::make(std::forward<Arguments>(arguments)...);
    made_.back() = node;
    bytes_made_ += heap_bytes(node->bytes());
    return node;
  }

  /// The next version does not use `node`. It may be one that this edit made.
  template <class Node>
  void retire(const Node* node) {
    retired_.push_back(node);
    bytes_retired_ += heap_bytes(node->bytes());
  }

  std::size_t bytes_after(std::size_t bytes_before) const { return bytes_before + bytes_made_ - bytes_retired_; }
  /// The nodes made now belong to the next version; returns those that it does not use.
  std::vector<const void*> keep() {
    made_.clear();
    return std::move(retired_);
  }

 private:
  std::vector<const void*> made_;
  std::vector<const void*> retired_;
  std::size_t bytes_made_ = 0;
  std::size_t bytes_retired_ = 0;
};

}  // namespace ratebook::book
