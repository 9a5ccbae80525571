// A file as a request's body, from its first byte each time: what is sent again is the same.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "client/client.hpp"
#include "model/error.hpp"

namespace ratebook::client {

class FileBody {
 public:
  /// A regular file is read where it stands. A pipe (or "-", standard input) is first copied into an unlinked temporary
  /// file in $TMPDIR or /tmp, since it could not be sent a second time. Failure::not_found, Failure::full.
  static Result<FileBody> open(const std::string& path);

  /// An empty, unlinked temporary file, to be filled.
  static Result<FileBody> make();
  /// Failure::full.
  Result<void> append(std::string_view text);

  FileBody(FileBody&& other) noexcept;
  FileBody& operator=(FileBody&& other) noexcept;
  ~FileBody();

  std::uint64_t bytes_total() const { return bytes_total_; }
  /// Its first bytes, at most `count`.
  Result<std::string> start(std::size_t count) const;
  /// `sha-256=:BASE64:` of the whole file, as Repr-Digest has it (RFC 9530).
  Result<std::string> repr_digest() const;
  /// The whole file; valid while this object stands where it stands.
  Body body() const;

 private:
  FileBody(int descriptor, std::uint64_t bytes_total) : descriptor_(descriptor), bytes_total_(bytes_total) {}

  int descriptor_ = -1;
  std::uint64_t bytes_total_ = 0;
};

}  // namespace ratebook::client
