#include "cli/file_form.hpp"

#include <gtest/gtest.h>

namespace ratebook::cli {
namespace {

std::string form(std::string_view name, std::string_view start = "", std::string_view format = "") {
  const auto found = form_of(name, format, start);
  return found.format + " " + found.coding;
}

TEST(FileForm, is_seen_from_the_name) {
  EXPECT_EQ(form("a.csv"), "csv ");
  EXPECT_EQ(form("a.json"), "json ");
  EXPECT_EQ(form("a.ndjson"), "ndjson ");
  EXPECT_EQ(form("a.jsonl"), "ndjson ");
  EXPECT_EQ(form("a.csv.gz"), "csv gzip");
  EXPECT_EQ(form("a.json.zst"), "json zstd");
  EXPECT_EQ(form("a.jsonl.zstd"), "ndjson zstd");
}

TEST(FileForm, else_from_the_first_bytes) {
  EXPECT_EQ(form("-", "orig_code,"), "csv ");
  EXPECT_EQ(form("-", ""), "csv ");
  EXPECT_EQ(form("-", "\xEF\xBB\xBF\n { \"prices\": [{"), "json ");
  EXPECT_EQ(form("-", "{\"source\":\"a\",\n"), "json ");
  EXPECT_EQ(form("-", "{\"orig_code\":\"CNSGH\"}\n"), "ndjson ");
  EXPECT_EQ(form("a.csv", "\x1f\x8b\x08"), "csv gzip");
  EXPECT_EQ(form("a.ndjson", "\x28\xB5\x2F\xFD"), "ndjson zstd");
}

TEST(FileForm, compressed_bytes_do_not_tell_their_format) {
  EXPECT_EQ(form("-", "\x1f\x8b\x08"), " gzip");
  EXPECT_EQ(form("prices.gz", "\x1f\x8b\x08"), " gzip");
}

TEST(FileForm, the_users_word_counts) {
  EXPECT_EQ(form("a.csv", "x", "ndjson"), "ndjson ");
  EXPECT_EQ(form("a.gz", "x", "json"), "json gzip");
  EXPECT_EQ(form("-", "\x28\xB5\x2F\xFD", "csv"), "csv zstd");
}

}  // namespace
}  // namespace ratebook::cli
