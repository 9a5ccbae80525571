#include "crash/path.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "crash/promises.hpp"
#include "log/attempt.hpp"
#include "model/packed_chunk.hpp"
#include "model/places.hpp"
#include "writer/writer.hpp"

namespace ratebook::crash {
namespace {

using namespace std::chrono_literals;

constexpr int tries_max = 400;
constexpr Duration pause = 500us;
constexpr Duration patience = 60s;
constexpr std::size_t chunk_prices = 120;

PlacesDocument places(bool larger) {
  PlacesDocument made{{{"china", "China", ""}, {"europe", "Europe", ""}},
                      {{.code = "CNSGH", .name = "Shanghai", .parent_slug = "china"},
                       {.code = "CNNGB", .name = "Ningbo", .parent_slug = "china"},
                       {.code = "NLRTM", .name = "Rotterdam", .parent_slug = "europe"}}};
  if (larger) made.ports.push_back({.code = "DEHAM", .name = "Hamburg", .parent_slug = "europe"});
  return made;
}

std::vector<Price> some_prices(std::size_t count, std::uint32_t seed) {
  const auto code = [](std::uint32_t number) {
    return PortCode::parse(std::array{"CNSGH", "CNNGB", "NLRTM"}[number % 3]).value();
  };
  std::vector<Price> prices;
  for (std::uint32_t i = 0; i < count; ++i) {
    prices.push_back({code(i), code(i + 1 + seed % 2), Day{18'600 + static_cast<int>((i * 7 + seed) % 31)},
                      Cents{1 + (i * 2'654'435 + seed) % 2'000'000}});
  }
  return prices;
}

Sent batch_of(const std::string& source, std::uint32_t number, std::size_t count, const std::string& replaces = "") {
  Sent sent;
  sent.prices = some_prices(count, number + 1);
  ContentDigest digest{replaces};
  for (const Price& price : sent.prices) digest.add(price);
  sent.header = {.source = source,
                 .key = std::to_string(number),
                 .digest = digest.finish(),
                 .price_count = count,
                 .accepted_at = 1'700'000'000'000,
                 .replaces = replaces};
  sent.header.id = batch_id(source, sent.header.key, sent.header.digest);
  return sent;
}

std::string packed_chunk(const Sent& sent, std::size_t index) {
  const std::size_t first = index * chunk_prices;
  Chunk chunk;
  for (std::size_t i = first; i < std::min(first + chunk_prices, sent.prices.size()); ++i) {
    const auto number = [&](PortCode code) {
      auto at = std::ranges::find(chunk.ports, code);
      if (at == chunk.ports.end()) at = chunk.ports.insert(at, code);
      return static_cast<std::uint16_t>(at - chunk.ports.begin());
    };
    const Price& price = sent.prices[i];
    const std::uint16_t orig = number(price.orig);
    chunk.items.push_back({orig, number(price.dest), price.day, price.amount});
  }
  std::string packed;
  pack_chunk(chunk, packed);
  return packed;
}

/// The partition's writer, as long as it lives.
class Writing {
 public:
  explicit Writing(sqlite::File& file)
      : thread_([this, &file](const std::stop_token& stop) {
          writer::run_partition(file.log(), file.store(), runtime_, 0, options_, offer_, stop);
        }) {}

 private:
  Runtime runtime_ = machine_runtime();
  // Large is what has more than one chunk: it is staged a chunk at a time.
  writer::WriterOptions options_{.read_wait = 1ms, .retry_wait = 1ms, .retry_wait_max = 1ms, .small_batch_chunks = 1};
  writer::Offer offer_ = [](const auto&...) {};
  std::jthread thread_;
};

}  // namespace

/// Sends until it is in, and waits until it is decided; gives up when the disk has crashed.
class Path::Client {
 public:
  Client(const Disk& disk, sqlite::File& file) : disk_(disk), file_(file) {}

  void run(std::vector<Sent>& batches) {
    for (Sent& sent : batches) {
      if (!put(sent) || !await(sent)) return;
      if (sent.is_retracted_later && !retract(sent)) return;
    }
  }

  bool put(Sent& sent) {
    const std::size_t chunks = (sent.prices.size() + chunk_prices - 1) / chunk_prices;
    const auto chunk = [&](std::size_t index) -> Result<std::string> { return packed_chunk(sent, index); };
    for (int tries = 0; tries < tries_max && !disk_.is_crashed(); ++tries) {
      sent.accepted = log::put_batch(file_.log(), runtime_, sent.header, chunks, chunk).has_value();
      if (sent.accepted) return true;
      runtime_.sleep(pause);
    }
    return false;
  }

  bool await(Sent& sent) {
    return until([&] {
      const auto batch = file_.store().batch(sent.header.id);
      if (batch && *batch) sent.version = (*batch)->version;
      return batch && *batch;
    });
  }

  bool retract(Sent& sent) {
    const log::RetractionRecord record{sent.header.id, sent.header.source, sent.header.accepted_at};
    bool is_in = false;
    for (int tries = 0; tries < tries_max && !is_in && !disk_.is_crashed(); ++tries) {
      is_in = log::put_retraction(file_.log(), record).has_value();
      if (!is_in) runtime_.sleep(pause);
    }
    return is_in && until([&] {
             const auto batch = file_.store().batch(sent.header.id);
             if (batch && *batch) sent.retracted_version = (*batch)->retracted_version;
             return sent.retracted_version != 0;
           });
  }

 private:
  bool until(const std::function<bool()>& condition) {
    const BootTime end = runtime_.boot_time() + patience;
    while (!disk_.is_crashed() && runtime_.boot_time() < end) {
      if (condition()) return true;
      runtime_.sleep(pause);
    }
    return false;
  }

  const Disk& disk_;
  sqlite::File& file_;
  Runtime runtime_ = machine_runtime();
};

Path::Path(const Disk& disk) : disk_(disk) {
  std::vector<Sent> small{batch_of("carrier-a", 0, 40), batch_of("carrier-a", 1, 70)};
  small[0].is_retracted_later = true;
  std::vector<Sent> large{batch_of("carrier-b", 0, 3 * chunk_prices), batch_of("carrier-b", 1, chunk_prices / 2)};
  large.push_back(batch_of("carrier-b", 2, 2 * chunk_prices, large[0].header.id));
  large[0].is_replaced_later = true;
  batches_ = {std::move(small), std::move(large)};
}

sqlite::FileOptions Path::file_options() {
  // So that every way through the code is gone in a file that is soon written.
  return {.log = {.small_append_bytes_max = 2500},
          .transaction = {.quiet_max = 2ms, .writer_quiet_max = 20ms, .age_max = 50ms, .prices_max = 200},
          .checkpoint = {.wal_bytes_soft = 256u << 10, .idle = 1h},
          .quick_reader_count = 2,
          .scan_reader_count = 1};
}

std::unique_ptr<sqlite::File> Path::open(const std::string& path) const {
  for (int tries = 0; tries < tries_max && !disk_.is_crashed(); ++tries) {
    if (auto opened = sqlite::File::open(path, machine_runtime(), file_options())) return *std::move(opened);
  }
  return nullptr;
}

void Path::put_places(store::Store& store, bool larger) {
  for (int tries = 0; tries < tries_max && !disk_.is_crashed(); ++tries) {
    const auto standing = store.places_head(INT64_MAX);
    if (!standing) continue;
    const auto now = store.places(standing->version);
    if (!now) continue;
    if (places_digest(*now) == places_digest(places(larger))) return;
    const auto tag =
        standing->version == 0 ? std::nullopt : std::optional{version_tag(standing->version, standing->chain)};
    if (const auto put = store.put_places(places(larger), tag, 1'700'000'000'000)) {
      places_versions_.push_back(*put);
      return;
    }
  }
}

void Path::run(const std::string& path) {
  const auto file = open(path);
  if (!file) return;
  put_places(file->store(), false);
  const Writing writing{*file};
  std::vector<std::jthread> clients;
  for (auto& batches : batches_) {
    clients.emplace_back([this, &file, &batches] { Client{disk_, *file}.run(batches); });
  }
  put_places(file->store(), true);
}

std::size_t Path::told() const {
  std::size_t told = places_versions_.size();
  for (const auto& batches : batches_) {
    for (const Sent& sent : batches) told += sent.accepted + (sent.version != 0) + (sent.retracted_version != 0);
  }
  return told;
}

std::vector<std::string> Path::broken_promises(const std::string& path) const {
  auto opened = sqlite::File::open(path, machine_runtime(), file_options());
  if (!opened) return {"it cannot be opened: " + opened.error().message};
  const std::unique_ptr<sqlite::File> file = *std::move(opened);
  Promises promises{file->store()};
  promises.check_versions();
  for (const Version version : places_versions_) promises.check_places(version);
  for (const auto& batches : batches_) {
    for (const Sent& sent : batches) promises.check_told(sent);
  }
  promises.check_prices(batches_);
  if (!promises.broken().empty()) return promises.broken();
  Path again{disk_};
  again.put_places(file->store(), false);
  const Writing writing{*file};
  // What was accepted is decided without being sent again.
  Client client{disk_, *file};
  for (const auto& batches : batches_) {
    for (Sent sent : batches) {
      if (sent.accepted && !client.await(sent)) promises.report("accepted, and never decided: " + sent.header.id);
    }
  }
  // The rest, and what was in doubt, is sent again under its key, and all comes to the same end.
  for (auto& batches : again.batches_) client.run(batches);
  promises.check_versions();
  promises.check_prices(batches_);
  promises.check_end(batches_);
  return promises.broken();
}

}  // namespace ratebook::crash
