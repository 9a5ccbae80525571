// The peer of many small batches: one C client, each batch a transaction of its own that is on the disk when it ends.
//   sqlite_client DATABASE CSV ROWS_A_BATCH     rows go into the table `prices`; prints the seconds
#include <sqlite3.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace {

void must(sqlite3* db, int code) {
  if (code == SQLITE_OK || code == SQLITE_DONE) return;
  std::fprintf(stderr, "sqlite_client: %s\n", sqlite3_errmsg(db));
  std::exit(1);
}

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  std::size_t at = 0;
  for (std::size_t comma = line.find(','); comma != std::string::npos; comma = line.find(',', at)) {
    fields.push_back(line.substr(at, comma - at));
    at = comma + 1;
  }
  fields.push_back(line.substr(at));
  return fields;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  std::vector<std::vector<std::string>> rows;
  std::ifstream file{argv[2]};
  std::string line;
  std::getline(file, line);  // the header
  while (std::getline(file, line)) rows.push_back(fields_of(line));
  const std::size_t rows_a_batch = std::strtoul(argv[3], nullptr, 10);

  sqlite3* db = nullptr;
  must(db, sqlite3_open(argv[1], &db));
  must(db, sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", nullptr, nullptr, nullptr));
  sqlite3_stmt* insert = nullptr;
  must(db, sqlite3_prepare_v2(db, "INSERT INTO prices (orig_code, dest_code, day, price) VALUES (?, ?, ?, ?)", -1,
                              &insert, nullptr));
  const auto began = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i % rows_a_batch == 0) must(db, sqlite3_exec(db, "BEGIN", nullptr, nullptr, nullptr));
    for (int column = 0; column < 4; ++column) {
      const std::string& text = rows[i][static_cast<std::size_t>(column)];
      must(db, sqlite3_bind_text(insert, column + 1, text.data(), static_cast<int>(text.size()), SQLITE_STATIC));
    }
    must(db, sqlite3_step(insert));
    must(db, sqlite3_reset(insert));
    if ((i + 1) % rows_a_batch == 0) must(db, sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("%.6f\n", took.count());
  sqlite3_finalize(insert);
  sqlite3_close(db);
  return 0;
}
