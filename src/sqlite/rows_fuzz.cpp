// A data file whose rows somebody has changed: whatever stands there is read, or said to be damaged; nothing crashes.
// The input is a list of changes: table, row, column, value.
#include <fuzzer/FuzzedDataProvider.h>
#include <sqlite3.h>
#include <stdlib.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <limits>

#include "model/packed_chunk.hpp"
#include "sqlite/file.hpp"

namespace ratebook::sqlite {
namespace {

constexpr std::array tables{"log_partition", "log_record", "port",   "batch", "version",
                            "region",        "port_place", "marker", "price"};

struct Folder {
  Folder() {
    // In memory, where there is such a place: each input is a file of its own.
    const std::filesystem::path shared_memory = "/dev/shm";
    const auto parent = exists(shared_memory) ? shared_memory : std::filesystem::temp_directory_path();
    std::string name = (parent / "ratebook-rows-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { remove_all(path); }
  std::filesystem::path path;
};

template <class T>
T must(Result<T> result) {
  if (!result) std::abort();
  return *std::move(result);
}

log::RecordSource one_record(std::string bytes) {
  return [bytes = std::move(bytes), given = false]() mutable -> Result<std::optional<std::string>> {
    if (std::exchange(given, true)) return std::nullopt;
    return bytes;
  };
}

// Places, a batch, one that replaces it, and records of the log.
void make(const std::filesystem::path& path) {
  const auto file = must(File::open(path, machine_runtime()));
  store::Store& store = file->store();
  must(store.put_places({.regions = {{"all", "All", ""}, {"part", "Part", "all"}},
                         .ports = {{"CNSGH", "Shanghai", "part"}, {"NLRTM", "Rotterdam", "all"}}},
                        std::nullopt, 1));
  must(file->log().append(0, one_record("record")));
  auto claim = must(store.claim(0));
  const std::array<NumberedPrice, 2> prices{{{0, 1, Day{18'628}, Cents{100}}, {1, 0, Day{18'629}, Cents{200}}}};
  std::string replaced;
  for (const std::string key : {"a", "b"}) {
    BatchHeader header{.source = "carrier-a", .key = key, .price_count = 2, .accepted_at = 2, .replaces = replaced};
    header.id = batch_id(header.source, header.key, header.digest);
    const std::string attempt(32, key[0]);
    if (!store.stage({.partition = 0, .epoch = claim.epoch, .attempt = attempt, .chunk = 0, .prices = prices})) {
      std::abort();
    }
    must(store.publish({.partition = 0,
                        .epoch = claim.epoch,
                        .expected = claim.position,
                        .next = claim.position,
                        .decisions = {store::CommitDecision{header, attempt, 1}},
                        .bad_records = {},
                        .swept = {},
                        .now = 3}));
    replaced = header.id;
  }
}

std::vector<std::string> columns_of(sqlite3* db, const std::string& table) {
  std::vector<std::string> columns;
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v2(db, ("SELECT name FROM pragma_table_info('" + table + "')").c_str(), -1, &statement, nullptr);
  while (sqlite3_step(statement) == SQLITE_ROW) {
    columns.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(statement, 0)));
  }
  sqlite3_finalize(statement);
  return columns;
}

void bind_some(sqlite3_stmt* statement, FuzzedDataProvider& input) {
  switch (input.ConsumeIntegralInRange(0, 4)) {
    case 0:
      sqlite3_bind_null(statement, 1);
      break;
    case 1:
      sqlite3_bind_int64(statement, 1, input.ConsumeIntegral<std::int64_t>());
      break;
    case 2:
      sqlite3_bind_int64(statement, 1, input.ConsumeIntegralInRange<std::int64_t>(-2, 70'000));
      break;
    case 3: {
      const auto text = input.ConsumeRandomLengthString(80);
      sqlite3_bind_text64(statement, 1, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
      break;
    }
    default: {
      const auto bytes = input.ConsumeRandomLengthString(80);
      sqlite3_bind_blob64(statement, 1, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
    }
  }
}

// A change that the schema refuses is no change.
void change_rows(const std::filesystem::path& path, FuzzedDataProvider& input) {
  sqlite3* db = nullptr;
  if (sqlite3_open(path.c_str(), &db) != SQLITE_OK) std::abort();
  sqlite3_exec(db, "PRAGMA ignore_check_constraints=1; PRAGMA synchronous=0", nullptr, nullptr, nullptr);
  for (int change = 0; change < 4 && input.remaining_bytes() > 0; ++change) {
    const std::string table = input.PickValueInArray(tables);
    const auto columns = columns_of(db, table);
    const auto& column = columns[input.ConsumeIntegralInRange<std::size_t>(0, columns.size() - 1)];
    const std::string sql = "UPDATE " + table + " SET " + column + " = ?1 WHERE (" + columns[0] + ", " + columns[1] +
                            ") = (SELECT " + columns[0] + ", " + columns[1] + " FROM " + table + " LIMIT 1 OFFSET " +
                            std::to_string(input.ConsumeIntegralInRange(0, 3)) + ")";
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) std::abort();
    bind_some(statement, input);
    sqlite3_step(statement);
    sqlite3_finalize(statement);
  }
  sqlite3_close(db);
}

void read_all(File& file) {
  store::Store& store = file.store();
  (void)store.head();
  const auto sink = [](std::span<const NumberedPrice> prices) {
    for (const auto& price : prices) {
      if (price.day < day_min || price.day > day_max || price.amount > cents_max) std::abort();
    }
    return true;
  };
  if (const auto rows = store.versions(0, 100)) {
    for (const auto& row : *rows) {
      (void)store.reading()->prices_of(row.attempt, sink);
      if (!row.replaced_attempt.empty()) (void)store.reading()->prices_of(row.replaced_attempt, sink);
    }
  }
  for (const Version version : {0U, 1U, 2U, 3U, 4U}) {
    (void)store.places(version);
    (void)store.places_head(version);
    // With the chain of a row: a damaged file may hold any.
    const auto row = store.versions(version == 0 ? 0 : version - 1, 1);
    const store::Head at =
        version == 0 || !row || row->empty() ? store::Head{} : store::Head{version, row->front().chain};
    (void)store.next_chunk(at, std::nullopt);
    (void)store.prices_at(at, {}, sink);
    (void)store.prices_at(at, {.origs = {0}, .dests = {1}, .from = Day{18'000}, .to = Day{19'000}}, sink);
  }
  if (const auto page = store.batches({})) {
    for (const auto& batch : page->batches) {
      (void)store.batch(batch.header.id);
      (void)store.batch_by_key(batch.header.source, batch.header.key);
    }
  }
  (void)store.claim(0);
  (void)file.log().read(0, 0, 1 << 20, Duration{});
}

}  // namespace
}  // namespace ratebook::sqlite

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ratebook::sqlite;
  static const Folder folder;
  static const auto original = [] {
    make(folder.path / "original");
    return folder.path / "original";
  }();
  const auto path = folder.path / "changed";
  std::filesystem::remove(path);
  std::filesystem::copy_file(original, path);
  FuzzedDataProvider input{data, size};
  change_rows(path, input);
  if (const auto file = File::open(path, ratebook::machine_runtime())) read_all(**file);
  return 0;
}
