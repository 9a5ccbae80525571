// Clients, writer and file as they run in the embedded setting, on a disk that fails: what the clients were told, and
// whether what a crash leaves keeps it.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "crash/disk.hpp"
#include "model/batch.hpp"
#include "model/price.hpp"
#include "sqlite/file.hpp"

namespace ratebook::crash {

/// One batch, what is done with it, and what its client was told.
struct Sent {
  BatchHeader header;
  std::vector<Price> prices;
  bool is_retracted_later = false;
  bool is_replaced_later = false;

  bool accepted = false;
  Version version = 0;  ///< 0: it was told none
  Version retracted_version = 0;
};

class Path {
 public:
  explicit Path(const Disk& disk);

  /// Opens the file at `path` and sends all batches, each again under its key until it is in; ends early where the disk
  /// crashes. One `Path`, one run.
  void run(const std::string& path);
  /// Opens what is left at `path` and goes on with it, to the end of what run() would have done. What is wrong, in
  /// words; nothing: every promise is kept.
  std::vector<std::string> broken_promises(const std::string& path) const;
  /// What the clients were told: counted so that a test can say that it tested something.
  std::size_t told() const;

  static sqlite::FileOptions file_options();

 private:
  class Client;
  std::unique_ptr<sqlite::File> open(const std::string& path) const;
  void put_places(store::Store& store, bool larger);

  const Disk& disk_;
  std::vector<std::vector<Sent>> batches_;  ///< by client, in the order sent
  std::vector<Version> places_versions_;    ///< that were told
};

}  // namespace ratebook::crash
