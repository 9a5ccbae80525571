// What the tests of this folder share: a folder that goes with the test, a file in it, and batches.
#pragma once
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "sqlite/file.hpp"

namespace ratebook::sqlite {

class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "ratebook-sqlite-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  std::string file(const std::string& name = "book.db") const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline std::unique_ptr<File> open_file(const std::string& path, const FileOptions& options = {}) {
  auto opened = File::open(path, machine_runtime(), options);
  EXPECT_TRUE(opened.has_value()) << opened.error().message;
  return opened ? *std::move(opened) : nullptr;
}

inline log::RecordSource records_of(std::vector<std::string> records) {
  return [records = std::move(records), next = std::size_t{0}]() mutable -> Result<std::optional<std::string>> {
    if (next == records.size()) return std::nullopt;
    return records[next++];
  };
}

inline std::string attempt_name(int number) {
  std::string name = std::to_string(number);
  return std::string(32 - name.size(), 'a') + name;
}

inline BatchHeader header_of(const std::string& source, const std::string& key, std::uint64_t price_count,
                             const std::string& content = "", const std::string& replaces = "") {
  const Digest digest = sha256(content);
  return {.id = batch_id(source, key, digest),
          .source = source,
          .key = key,
          .digest = digest,
          .price_count = price_count,
          .accepted_at = 1'700'000'000'000,
          .replaces = replaces};
}

/// Sorted; `seed` makes them different.
inline std::vector<NumberedPrice> some_prices(std::size_t count, std::uint32_t seed = 1, std::uint32_t ports = 7) {
  std::vector<NumberedPrice> prices;
  std::uint32_t state = seed * 2'654'435'761U + 1;
  const auto draw = [&state](std::uint32_t below) {
    state = state * 1'664'525U + 1'013'904'223U;
    return (state >> 8) % below;
  };
  for (std::size_t i = 0; i < count; ++i) {
    const PortNumber orig = draw(ports);
    prices.push_back({orig, (orig + 1 + draw(ports - 1)) % ports, Day{18'600 + static_cast<int>(draw(31))},
                      Cents{1 + draw(2'000'000)}});
  }
  std::ranges::sort(prices);
  return prices;
}

/// A writer that leaves the position where it is, unless a test moves it.
class TestWriter {
 public:
  explicit TestWriter(store::Store& store) : store_(store) { claim(); }

  void claim() {
    const auto claimed = store_.claim(0);
    ASSERT_TRUE(claimed.has_value()) << claimed.error().message;
    epoch = claimed->epoch;
    position = claimed->position;
  }
  store::StageRequest chunk(const std::string& attempt, std::uint32_t number,
                            std::span<const NumberedPrice> prices) const {
    return {.partition = 0, .epoch = epoch, .attempt = attempt, .chunk = number, .prices = prices};
  }
  store::PublishRequest request(std::vector<store::Decision> decisions) const {
    return {.partition = 0,
            .epoch = epoch,
            .expected = position,
            .next = position,
            .decisions = std::move(decisions),
            .bad_records = {},
            .swept = {},
            .now = 1'700'000'001'000};
  }
  Result<std::vector<store::Outcome>> publish(const store::PublishRequest& asked) {
    auto outcomes = store_.publish(asked);
    if (outcomes) position = asked.next;
    return outcomes;
  }
  /// One decision, whose outcome must come.
  store::Outcome decide(store::Decision decision) {
    auto outcomes = publish(request({std::move(decision)}));
    EXPECT_TRUE(outcomes.has_value()) << outcomes.error().message;
    return outcomes ? outcomes->front() : store::Outcome{};
  }
  /// One batch of one chunk.
  store::Outcome commit(const BatchHeader& header, const std::string& attempt,
                        const std::vector<NumberedPrice>& prices) {
    const auto staged = store_.stage(chunk(attempt, 0, prices));
    EXPECT_TRUE(staged.has_value()) << staged.error().message;
    return decide(store::CommitDecision{header, attempt, 1});
  }

  std::uint64_t epoch = 0;
  Position position;

 private:
  store::Store& store_;
};

inline std::vector<NumberedPrice> prices_at(store::Store& store, Version at, const store::PriceFilter& filter = {}) {
  std::vector<NumberedPrice> prices;
  const auto read = store.prices_at(at, filter, [&](std::span<const NumberedPrice> some) {
    EXPECT_TRUE(std::ranges::is_sorted(some));
    prices.insert(prices.end(), some.begin(), some.end());
    return true;
  });
  EXPECT_TRUE(read.has_value()) << read.error().message;
  std::ranges::sort(prices);
  return prices;
}

inline std::vector<NumberedPrice> sum_of(std::vector<NumberedPrice> one, const std::vector<NumberedPrice>& other) {
  one.insert(one.end(), other.begin(), other.end());
  std::ranges::sort(one);
  return one;
}

/// What a person with SQL sees, through a connection of another program.
class Sql {
 public:
  explicit Sql(const std::string& path) {
    EXPECT_EQ(sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr), SQLITE_OK);
  }
  ~Sql() { sqlite3_close(db_); }
  Sql(const Sql&) = delete;
  Sql& operator=(const Sql&) = delete;

  /// Rows as `a|b|c`.
  std::vector<std::string> rows(const std::string& sql) {
    std::vector<std::string> found;
    char* error = nullptr;
    const auto take = [](void* to, int count, char** values, char**) {
      std::string row;
      for (int i = 0; i < count; ++i) row += std::string{i == 0 ? "" : "|"} + (values[i] == nullptr ? "" : values[i]);
      static_cast<std::vector<std::string>*>(to)->push_back(row);
      return 0;
    };
    EXPECT_EQ(sqlite3_exec(db_, sql.c_str(), take, &found, &error), SQLITE_OK) << (error == nullptr ? "" : error);
    sqlite3_free(error);
    return found;
  }
  std::int64_t number(const std::string& sql) {
    const auto found = rows(sql);
    return found.empty() ? -1 : std::stoll(found.front());
  }

 private:
  sqlite3* db_ = nullptr;
};

}  // namespace ratebook::sqlite
