// Every change writes a new file beside the old one and puts it in its place, under a lock.
#include "access/token_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <system_error>
#include <utility>

namespace ratebook::access {
namespace {

constexpr std::size_t file_bytes_max = 1 << 20;
constexpr mode_t own_mode = 0640;
constexpr std::string_view heading =
    "# Tokens of Ratebook, by their SHA-256. `ratebook token create` and `revoke` change them.\n"
    "# name roles sources sha256 created\n";

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }
  bool good() const { return number_ >= 0; }

 private:
  int number_;
};

std::unexpected<Fault> system_fault(const std::string& path) {
  const auto failure = errno == ENOENT ? Failure::not_found : Failure::unavailable;
  return fail(failure, fmt::format("{}: {}", path, std::generic_category().message(errno)));
}

Result<std::string> read_text(int file, const std::string& path) {
  std::string text;
  std::array<char, 16 * 1024> piece;
  while (true) {
    const auto count = ::read(file, piece.data(), piece.size());
    if (count < 0) return system_fault(path);
    if (count == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(count));
    if (text.size() > file_bytes_max) return fail(Failure::damaged, fmt::format("{}: it is too long", path));
  }
}

Result<void> check_rights(int file, const std::string& path) {
  struct stat status{};
  if (::fstat(file, &status) != 0) return system_fault(path);
  if (!S_ISREG(status.st_mode)) return fail(Failure::damaged, fmt::format("{}: it is no file", path));
  if ((status.st_mode & (S_IRWXO | S_IWGRP)) == 0) return {};
  return fail(
      Failure::damaged,
      fmt::format("{}: others than its user may write it, or others than its group read it; say: chmod g-w,o= {}", path,
                  path));
}

Result<Tokens> parse(std::string_view text, const std::string& path, Limits limits) {
  auto tokens = Tokens::parse(text, limits);
  if (!tokens) return fail(tokens.error().failure, fmt::format("{}: {}", path, tokens.error().message));
  return tokens;
}

Result<void> write_all(int file, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const auto count = ::write(file, text.data(), text.size());
    if (count < 0) return system_fault(path);
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::fsync(file) != 0) return system_fault(path);
  return {};
}

/// The new file gets the old one's group, so that a server which reads it by that goes on reading it.
Result<void> put_in_place(const std::string& path, int old, std::string_view text) {
  struct stat status{};
  if (::fstat(old, &status) != 0) return system_fault(path);
  const std::string beside = path + ".new";
  const Descriptor file{::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!file.good()) return system_fault(beside);
  static_cast<void>(!::fchown(file.get(), static_cast<uid_t>(-1), status.st_gid));  // where it may not, its own stays
  if (::fchmod(file.get(), status.st_mode & 0777) != 0) return system_fault(beside);
  if (const auto written = write_all(file.get(), text, beside); !written) return written;
  if (::rename(beside.c_str(), path.c_str()) != 0) return system_fault(path);
  return {};
}

/// Opened and locked; again where another one has put a new file in its place meanwhile.
Result<Descriptor> open_locked(const std::string& path, int flags) {
  while (true) {
    Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags, own_mode)};
    if (!file.good() || ::flock(file.get(), LOCK_EX) != 0) return system_fault(path);
    struct stat here{};
    struct stat there{};
    if (::fstat(file.get(), &here) != 0) return system_fault(path);
    if (::stat(path.c_str(), &there) == 0 && here.st_ino == there.st_ino) return file;
  }
}

/// `change` gives the new text from the old one.
Result<void> change_file(const std::string& path, int flags,
                         const std::function<Result<std::string>(std::string text)>& change) {
  const auto file = open_locked(path, flags);
  if (!file) return std::unexpected(file.error());
  if (const auto good = check_rights(file->get(), path); !good) return good;
  auto text = read_text(file->get(), path);
  if (!text) return std::unexpected(text.error());
  const auto changed = change(*std::move(text));
  if (!changed) return std::unexpected(changed.error());
  return put_in_place(path, file->get(), *changed);
}

Result<std::string> fresh_token() {
  std::array<std::uint8_t, 32> bits;
  if (RAND_bytes(bits.data(), bits.size()) != 1) return fail(Failure::unavailable, "the system gives no random bits");
  return "rb_" + hex(bits);
}

}  // namespace

Result<Tokens> read_token_file(const std::string& path, Limits limits) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file.good()) return system_fault(path);
  if (const auto good = check_rights(file.get(), path); !good) return std::unexpected(good.error());
  const auto text = read_text(file.get(), path);
  if (!text) return std::unexpected(text.error());
  return parse(*text, path, limits);
}

Result<std::string> create_token(const std::string& path, Grant grant, Limits limits) {
  const auto token = fresh_token();
  if (!token) return token;
  grant.token = sha256(*token);
  const auto changed = change_file(path, O_CREAT, [&](std::string text) -> Result<std::string> {
    const auto tokens = parse(text, path, limits);
    if (!tokens) return std::unexpected(tokens.error());
    if (tokens->named(grant.name) != nullptr) {
      return fail(Failure::conflict, fmt::format("{} has a token named {}; choose another --name", path, grant.name));
    }
    if (text.empty()) text = heading;
    if (!text.ends_with('\n')) text += '\n';
    text += format_grant(grant);
    // What cannot be read back must not be written: the server would refuse the whole file.
    if (const auto again = parse(text, path, limits); !again) return std::unexpected(again.error());
    return text;
  });
  if (!changed) return std::unexpected(changed.error());
  return token;
}

Result<void> revoke_token(const std::string& path, std::string_view name) {
  return change_file(path, 0, [&](const std::string& text) -> Result<std::string> {
    std::string kept;
    bool found = false;
    for (std::string_view rest = text; !rest.empty();) {
      const std::string_view line = rest.substr(0, std::min(rest.find('\n'), rest.size() - 1) + 1);
      rest.remove_prefix(line.size());
      const auto begin = std::min(line.find_first_not_of(" \t"), line.size());
      const std::string_view first = line.substr(begin, line.find_first_of(" \t\r\n", begin) - begin);
      if (first == name) {
        found = true;
      } else {
        kept += line;
      }
    }
    if (!found) {
      return fail(Failure::not_found,
                  fmt::format("{} has no token named {}; `ratebook token list` shows all", path, name));
    }
    return kept;
  });
}

}  // namespace ratebook::access
