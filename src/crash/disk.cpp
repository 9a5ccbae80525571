#include "crash/disk.hpp"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

namespace ratebook::crash {
namespace {

constexpr std::int64_t sector_bytes = 512;

std::string read_all(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

void put(std::string& image, std::int64_t at, std::string_view bytes) {
  const auto begin = static_cast<std::size_t>(at);
  if (image.size() < begin + bytes.size()) image.resize(begin + bytes.size(), '\0');
  image.replace(begin, bytes.size(), bytes);
}

}  // namespace

/// Stands before the real file in the memory that SQLite gives.
struct Disk::OpenFile {
  sqlite3_file base;
  Disk* disk;
  Image* image;  ///< nullptr: a temporary file, which no crash outlives
  sqlite3_file* real;
};

struct Disk::Calls {
  static OpenFile& of(sqlite3_file* file) { return *reinterpret_cast<OpenFile*>(file); }
  static Disk& of(sqlite3_vfs* vfs) { return *static_cast<Disk*>(vfs->pAppData); }

  static int open(sqlite3_vfs* vfs, sqlite3_filename path, sqlite3_file* file, int flags, int* out_flags) {
    Disk& disk = of(vfs);
    OpenFile& opened = of(file);
    opened = {.base = {nullptr}, .disk = &disk, .image = nullptr, .real = reinterpret_cast<sqlite3_file*>(&opened + 1)};
    if (disk.is_crashed()) return SQLITE_CANTOPEN;
    const bool was_there = path != nullptr && std::filesystem::exists(path);
    const int code = disk.real_->xOpen(disk.real_, path, opened.real, flags, out_flags);
    if (opened.real->pMethods == nullptr) return code;
    opened.base.pMethods = &methods;
    if (path == nullptr) return code;
    const std::lock_guard lock{disk.mutex_};
    const auto [at, is_new] = disk.images_.try_emplace(path);
    Image& image = at->second;
    if (is_new && was_there) image = {.durable = read_all(path), .pending = {}, .name = Name::certain};
    if (image.is_deleted) image = {};
    opened.image = &image;
    return code;
  }

  static int remove(sqlite3_vfs* vfs, const char* path, int sync_folder) {
    Disk& disk = of(vfs);
    if (disk.next_step(false) != Verdict::go) return SQLITE_IOERR_DELETE;
    const int code = disk.real_->xDelete(disk.real_, path, sync_folder);
    const std::lock_guard lock{disk.mutex_};
    const auto image = disk.images_.find(path);
    if (code != SQLITE_OK || image == disk.images_.end()) return code;
    image->second.is_deleted = true;
    image->second.name = sync_folder != 0 && !disk.plan_.syncs_lie ? Name::none : Name::maybe;
    return code;
  }

  static int write(sqlite3_file* file, const void* from, int size, sqlite3_int64 at) {
    OpenFile& opened = of(file);
    Disk& disk = *opened.disk;
    if (opened.image == nullptr) return opened.real->pMethods->xWrite(opened.real, from, size, at);
    const Verdict verdict = disk.next_step(true);
    if (verdict == Verdict::full) return SQLITE_FULL;
    if (verdict == Verdict::fail) return SQLITE_IOERR_WRITE;
    const int written = verdict == Verdict::tear ? size / 2 : size;
    const int code = opened.real->pMethods->xWrite(opened.real, from, written, at);
    const std::lock_guard lock{disk.mutex_};
    opened.image->pending.push_back(
        {at, std::string{static_cast<const char*>(from), static_cast<std::size_t>(written)}});
    return verdict == Verdict::tear ? SQLITE_IOERR_WRITE : code;
  }

  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    OpenFile& opened = of(file);
    if (opened.image == nullptr) return opened.real->pMethods->xTruncate(opened.real, size);
    if (opened.disk->next_step(false) != Verdict::go) return SQLITE_IOERR_TRUNCATE;
    const int code = opened.real->pMethods->xTruncate(opened.real, size);
    const std::lock_guard lock{opened.disk->mutex_};
    opened.image->pending.push_back({.at = size, .bytes = {}, .is_truncation = true});
    return code;
  }

  // Not passed on: only this disk has to know, and the tests' machine need not wait. It never fails as an fsync does,
  // since that would end the process that looks at what is left.
  static int sync(sqlite3_file* file, int) {
    OpenFile& opened = of(file);
    if (opened.image == nullptr) return SQLITE_OK;
    if (opened.disk->next_step(false) != Verdict::go) return SQLITE_IOERR;
    const std::lock_guard lock{opened.disk->mutex_};
    if (opened.disk->plan_.syncs_lie) return SQLITE_OK;
    Image& image = *opened.image;
    image.durable = survivor(image, 1);
    image.pending.clear();
    if (image.name == Name::maybe) opened.disk->sync_folder();
    return SQLITE_OK;
  }

  static int read(sqlite3_file* file, void* to, int size, sqlite3_int64 at) {
    const OpenFile& opened = of(file);
    if (opened.disk->is_crashed()) return SQLITE_IOERR_READ;
    return opened.real->pMethods->xRead(opened.real, to, size, at);
  }

  static int close(sqlite3_file* file) { return real(file).pMethods->xClose(&real(file)); }
  static sqlite3_file& real(sqlite3_file* file) { return *of(file).real; }
  static int size(sqlite3_file* file, sqlite3_int64* bytes) {
    return real(file).pMethods->xFileSize(&real(file), bytes);
  }
  static int lock(sqlite3_file* file, int level) { return real(file).pMethods->xLock(&real(file), level); }
  static int unlock(sqlite3_file* file, int level) { return real(file).pMethods->xUnlock(&real(file), level); }
  static int is_reserved(sqlite3_file* file, int* out) {
    return real(file).pMethods->xCheckReservedLock(&real(file), out);
  }
  static int control(sqlite3_file* file, int what, void* with) {
    return real(file).pMethods->xFileControl(&real(file), what, with);
  }
  static int sector_size(sqlite3_file* file) { return real(file).pMethods->xSectorSize(&real(file)); }
  static int characteristics(sqlite3_file* file) { return real(file).pMethods->xDeviceCharacteristics(&real(file)); }
  static int map(sqlite3_file* file, int region, int bytes, int extend, void volatile** to) {
    return real(file).pMethods->xShmMap(&real(file), region, bytes, extend, to);
  }
  static int lock_map(sqlite3_file* file, int at, int count, int flags) {
    return real(file).pMethods->xShmLock(&real(file), at, count, flags);
  }
  static void fence_map(sqlite3_file* file) { real(file).pMethods->xShmBarrier(&real(file)); }
  static int unmap(sqlite3_file* file, int remove) { return real(file).pMethods->xShmUnmap(&real(file), remove); }

  static constexpr sqlite3_io_methods methods{
      2,           close,           read, write,    truncate,  sync,  size,    lock,   unlock, is_reserved, control,
      sector_size, characteristics, map,  lock_map, fence_map, unmap, nullptr, nullptr};
};

Disk::Disk() : real_(sqlite3_vfs_find(nullptr)) {
  // What is not replaced works on the real one's own data, which it does not look for in the object.
  vfs_ = *real_;
  vfs_.szOsFile = static_cast<int>(sizeof(OpenFile)) + real_->szOsFile;
  vfs_.pNext = nullptr;
  vfs_.zName = "ratebook-crash";
  vfs_.pAppData = this;
  vfs_.xOpen = Calls::open;
  vfs_.xDelete = Calls::remove;
  sqlite3_vfs_register(&vfs_, 1);
}

Disk::~Disk() {
  sqlite3_vfs_unregister(&vfs_);
  sqlite3_vfs_register(real_, 1);
}

void Disk::begin(DiskPlan plan) {
  const std::lock_guard lock{mutex_};
  plan_ = plan;
  steps_ = 0;
  crashed_ = false;
  images_.clear();
}

std::uint64_t Disk::steps() const {
  const std::lock_guard lock{mutex_};
  return steps_;
}

bool Disk::is_crashed() const {
  const std::lock_guard lock{mutex_};
  return crashed_;
}

Disk::Verdict Disk::next_step(bool is_write) {
  const std::lock_guard lock{mutex_};
  if (crashed_) return Verdict::fail;
  const std::uint64_t step = steps_++;
  if (step < plan_.at || plan_.fault == DiskFault::none) return Verdict::go;
  if (plan_.fault == DiskFault::crash) {
    crashed_ = true;
    return is_write ? Verdict::tear : Verdict::fail;
  }
  if (!is_write || step >= plan_.at + plan_.steps) return Verdict::go;
  return plan_.fault == DiskFault::full ? Verdict::full : Verdict::tear;
}

// SQLite syncs the folder with the first sync of a file that it made there.
void Disk::sync_folder() {
  for (auto& [path, image] : images_) {
    if (image.name == Name::maybe) image.name = image.is_deleted ? Name::none : Name::certain;
  }
}

std::string Disk::survivor(const Image& image, std::uint32_t seed) {
  std::string left = image.durable;
  if (seed == 0) return left;
  std::minstd_rand random{seed};
  // Of one seed few sectors are left, of another nearly all.
  const std::uint32_t kept_of_8 = 1 + seed % 7;
  const auto survives = [&] { return seed == 1 || random() / 16 % 8 < kept_of_8; };
  for (const Change& change : image.pending) {
    if (change.is_truncation) {
      if (survives()) left.resize(static_cast<std::size_t>(change.at), '\0');
      continue;
    }
    const auto end = change.at + static_cast<std::int64_t>(change.bytes.size());
    for (std::int64_t at = change.at; at < end;) {
      const std::int64_t next = std::min(end, (at / sector_bytes + 1) * sector_bytes);
      const auto from = static_cast<std::size_t>(at - change.at), count = static_cast<std::size_t>(next - at);
      if (survives()) put(left, at, std::string_view{change.bytes}.substr(from, count));
      at = next;
    }
  }
  return left;
}

void Disk::leave(const std::string& folder, std::uint32_t seed) const {
  const std::lock_guard lock{mutex_};
  std::uint32_t number = seed;
  for (const auto& [path, image] : images_) {
    // What seed 1 keeps of a deletion is that the file is gone.
    const bool is_done = seed == 1 || (seed > 1 && number++ % 2 == 0);
    const bool is_there = image.name == Name::certain || (image.name == Name::maybe && is_done != image.is_deleted);
    if (!is_there) continue;
    std::ofstream{std::filesystem::path{folder} / std::filesystem::path{path}.filename(), std::ios::binary}
        << survivor(image, seed);
  }
}

}  // namespace ratebook::crash
