// What the tests of this folder share: a folder that goes with the test, and a file in it.
#pragma once
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "sqlite/file.hpp"
#include "store/contract/contract.hpp"

namespace ratebook::sqlite {

using store::contract::attempt_name;
using store::contract::header_of;
using store::contract::prices_at;
using store::contract::some_prices;
using store::contract::sum_of;
using store::contract::TestWriter;

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

inline std::string bytes_of(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

/// Writes over the file where it is, as `cp` does.
inline void write_over(const std::string& path, const std::string& bytes) {
  std::ofstream{path, std::ios::binary | std::ios::trunc} << bytes;
}

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
