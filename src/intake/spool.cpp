// The file has no name from the start (O_TMPFILE), or loses it at once where the file system knows no such files.
#include "intake/spool.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace ratebook::intake {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

int open_unlinked(const std::string& folder) {
  const int file = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0) return file;
  std::string name = folder + "/spool-XXXXXX";
  const int named = ::mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) ::unlink(name.c_str());
  return named;
}

}  // namespace

Spool::Spool(std::size_t memory_bytes_max, std::string folder, MemoryBudget* budget, MemoryBudget* file_budget)
    : memory_bytes_max_(memory_bytes_max), folder_(std::move(folder)), memory_(budget), in_file_(file_budget) {}

Spool::Spool(Spool&& other) noexcept
    : memory_bytes_max_(other.memory_bytes_max_),
      folder_(std::move(other.folder_)),
      memory_(std::move(other.memory_)),
      in_file_(std::move(other.in_file_)),
      file_(std::exchange(other.file_, -1)),
      file_bytes_(std::exchange(other.file_bytes_, 0)),
      bytes_in_memory_(std::exchange(other.bytes_in_memory_, 0)),
      bytes_(std::exchange(other.bytes_, 0)),
      entries_(std::move(other.entries_)) {
  other.entries_.clear();
}

Spool& Spool::operator=(Spool&& other) noexcept {
  if (this == &other) return *this;
  if (file_ >= 0) ::close(file_);
  memory_bytes_max_ = other.memory_bytes_max_;
  folder_ = std::move(other.folder_);
  entries_ = std::exchange(other.entries_, {});
  memory_ = std::move(other.memory_);
  in_file_ = std::move(other.in_file_);
  file_ = std::exchange(other.file_, -1);
  file_bytes_ = std::exchange(other.file_bytes_, 0);
  bytes_in_memory_ = std::exchange(other.bytes_in_memory_, 0);
  bytes_ = std::exchange(other.bytes_, 0);
  return *this;
}

Spool::~Spool() {
  if (file_ >= 0) ::close(file_);
}

Result<void> Spool::append(std::string_view packed_chunk) {
  const bool fits = folder_.empty() || bytes_in_memory_ + packed_chunk.size() <= memory_bytes_max_;
  if (fits && memory_.add(packed_chunk.size())) {
    entries_.push_back({.bytes = std::string{packed_chunk}});
    bytes_in_memory_ += packed_chunk.size();
  } else if (folder_.empty()) {
    return fail(Failure::full, "the intakes together hold as much memory as they may");
  } else if (auto written = append_to_file(packed_chunk); !written) {
    return written;
  }
  bytes_ += packed_chunk.size();
  return {};
}

Result<void> Spool::append_to_file(std::string_view packed_chunk) {
  if (!in_file_.add(packed_chunk.size())) {
    return fail(Failure::full, "the batches that are being read hold as much disk as they may; try again");
  }
  if (file_ < 0) file_ = open_unlinked(folder_);
  if (file_ < 0) {
    return fail(Failure::full, fmt::format("no temporary file can be made in '{}': {}", folder_, reason(errno)));
  }
  for (std::size_t done = 0; done < packed_chunk.size();) {
    const auto at = static_cast<off_t>(file_bytes_ + done);
    const ssize_t count = ::pwrite(file_, packed_chunk.data() + done, packed_chunk.size() - done, at);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      return fail(Failure::full, fmt::format("the temporary file in '{}' cannot be written: {}", folder_,
                                             reason(count == 0 ? ENOSPC : errno)));
    }
    done += static_cast<std::size_t>(count);
  }
  entries_.push_back({.bytes = {}, .at = file_bytes_, .length = packed_chunk.size()});
  file_bytes_ += packed_chunk.size();
  return {};
}

Result<std::string> Spool::read(std::size_t index) const {
  if (index >= entries_.size()) return fail(Failure::not_found, fmt::format("the spool has no chunk {}", index));
  const Entry& entry = entries_[index];
  if (entry.length == 0) return entry.bytes;
  std::string bytes(entry.length, '\0');
  for (std::size_t done = 0; done < bytes.size();) {
    const auto at = static_cast<off_t>(entry.at + done);
    const ssize_t count = ::pread(file_, bytes.data() + done, bytes.size() - done, at);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      return fail(Failure::damaged, fmt::format("chunk {} cannot be read back from the temporary file in '{}': {}",
                                                index, folder_, count == 0 ? "it ends early" : reason(errno)));
    }
    done += static_cast<std::size_t>(count);
  }
  return bytes;
}

}  // namespace ratebook::intake
