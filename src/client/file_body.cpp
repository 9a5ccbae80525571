#include "client/file_body.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>
#include <vector>

#include "model/digest.hpp"

namespace ratebook::client {
namespace {

std::unexpected<Fault> failed(Failure failure, std::string_view what, std::string_view path) {
  return fail(failure, fmt::format("cannot {} {}: {}", what, path, std::generic_category().message(errno)));
}

Result<std::size_t> read_some(int descriptor, std::span<char> piece) {
  while (true) {
    const ssize_t count = ::read(descriptor, piece.data(), piece.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return failed(Failure::damaged, "read", "the input");
  }
}

Result<void> write_all(int descriptor, std::span<const char> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count > 0) bytes = bytes.subspan(static_cast<std::size_t>(count));
    if (count < 0 && errno != EINTR) return failed(Failure::full, "write", "a temporary copy of the input");
  }
  return {};
}

/// A file without a name. Returns its descriptor.
Result<int> temporary_file() {
  const char* folder = std::getenv("TMPDIR");
  std::string name = fmt::format("{}/ratebook-XXXXXX", folder != nullptr && *folder != '\0' ? folder : "/tmp");
  const int to = ::mkostemp(name.data(), O_CLOEXEC);
  if (to < 0) return failed(Failure::full, "make", name);
  ::unlink(name.c_str());
  return to;
}

/// Copies a pipe into an unlinked file. Returns its descriptor.
Result<int> spool(int from) {
  const auto made = temporary_file();
  if (!made) return made;
  const int to = *made;
  std::vector<char> piece(256 * 1024);
  while (true) {
    const auto count = read_some(from, piece);
    const auto written = count ? write_all(to, std::span{piece}.first(*count)) : std::unexpected(count.error());
    if (!written) {
      ::close(to);
      return std::unexpected(written.error());
    }
    if (*count == 0) return to;
  }
}

}  // namespace

Result<FileBody> FileBody::open(const std::string& path) {
  const bool is_input = path == "-";
  int descriptor = is_input ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return failed(Failure::not_found, "open", path);
  struct stat status{};
  ::fstat(descriptor, &status);
  if (S_ISDIR(status.st_mode)) {
    ::close(descriptor);
    return fail(Failure::not_found, fmt::format("cannot read {}: it is a folder", path));
  }
  // A redirected file may stand in its middle: what is left of it counts, as with a pipe.
  if (!S_ISREG(status.st_mode) || is_input) {
    const auto copy = spool(descriptor);
    ::close(descriptor);
    if (!copy) return std::unexpected(copy.error());
    descriptor = *copy;
    ::fstat(descriptor, &status);
  }
  return FileBody{descriptor, static_cast<std::uint64_t>(status.st_size)};
}

Result<FileBody> FileBody::make() {
  const auto made = temporary_file();
  if (!made) return std::unexpected(made.error());
  return FileBody{*made, 0};
}

Result<void> FileBody::append(std::string_view text) {
  auto written = write_all(descriptor_, text);
  if (written) bytes_total_ += text.size();
  return written;
}

FileBody::FileBody(FileBody&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), bytes_total_(other.bytes_total_) {}

FileBody& FileBody::operator=(FileBody&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(bytes_total_, other.bytes_total_);
  return *this;
}

FileBody::~FileBody() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::string> FileBody::start(std::size_t count) const {
  std::string text(count, '\0');
  const ssize_t got = ::pread(descriptor_, text.data(), count, 0);
  if (got < 0) return failed(Failure::damaged, "read", "the file");
  text.resize(static_cast<std::size_t>(got));
  return text;
}

Result<std::string> FileBody::repr_digest() const {
  Sha256 sha;
  std::vector<char> piece(256 * 1024);
  const Body whole = body();
  while (true) {
    const auto count = whole.read(piece);
    if (!count) return std::unexpected(count.error());
    if (*count == 0) break;
    sha.add(std::string_view{piece.data(), *count});
  }
  const Digest digest = sha.finish();
  std::array<unsigned char, 45> base64{};  // 44 characters and the '\0' that OpenSSL sets
  EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(digest.size()));
  return fmt::format("sha-256=:{}:", reinterpret_cast<const char*>(base64.data()));
}

Body FileBody::body() const {
  return {.bytes_total = bytes_total_,
          .read = [descriptor = descriptor_, at = off_t{0}](std::span<char> piece) mutable -> Result<std::size_t> {
            const ssize_t got = ::pread(descriptor, piece.data(), piece.size(), at);
            if (got < 0) return failed(Failure::damaged, "read", "the file");
            at += got;
            return static_cast<std::size_t>(got);
          }};
}

}  // namespace ratebook::client
